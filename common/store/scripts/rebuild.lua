-- ARGV holds eleven values a record. Conflicts were looked for before, on decoded records.
local function replace(user, tag, version, fence, incarnation, deleted, spec, durable, owner_hash, replicas, disabled)
  local id = user .. '/' .. tag
  local key = cluster_key(id)
  supersede(id)
  redis.call('HDEL', key, 'memory', 'view', 'conflicts', 'count_until', 'gone_until', 'lease_until', 'lease_owner', 'released', 'told')
  redis.call('DEL', steps_key(id))
  write(key, {spec = spec, version = version, fence = fence, incarnation = incarnation, deleted = deleted, durable = durable})
  redis.call('HINCRBY', key, 'wake', 1)
  redis.call('SADD', tags_key(user), tag)
  redis.call('HSET', sizes_key(user), tag, replicas)
  redis.call('HSET', OWNERS, user, owner_hash)
  redis.call(disabled == '1' and 'SADD' or 'SREM', DISABLED, user)
end

for i = 1, #ARGV, 11 do
  local user, tag, version, fence, incarnation, deleted, spec, durable, owner_hash, replicas, disabled = unpack(ARGV, i, i + 10)
  local id = user .. '/' .. tag
  local last = tonumber(redis.call('GET', COUNTER) or '0')
  redis.call('SET', COUNTER, text(math.max(last, tonumber(version), tonumber(fence))))
  local stored = read(cluster_key(id))
  if not stored or tonumber(stored.version) < tonumber(version) then
    replace(user, tag, version, fence, incarnation, deleted, spec, durable, owner_hash, replicas, disabled)
  elseif stored.version == version and tonumber(stored.fence or '0') < tonumber(fence) then
    write(cluster_key(id), {durable = durable, fence = fence})
    redis.call('HDEL', cluster_key(id), 'lease_until', 'lease_owner')
  end
  due_now(id)
end
redis.call('SET', REBUILT, '1')
