return redis.call('EXISTS', REBUILT)
