return redis.call('ZCOUNT', WORKERS, text(now - WORKER_SEEN), '+inf')
