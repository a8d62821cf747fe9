-- ARGV: user, hash, then six values for each of the user's clusters: tag, version, spec, and of the job that has not
-- ended (all three empty without one) its id, what its failure and what its cancel brings back (empty for nothing).
-- Gives 'ok', 'not_rebuilt', 'missing', or 'stale' where anything moved since these were read. The versions move, so
-- that the mirror of each cluster gets the new hash.
local user, owner_hash = ARGV[1], ARGV[2]
if not is_rebuilt() then return 'not_rebuilt' end
if redis.call('HEXISTS', OWNERS, user) == 0 then return 'missing' end

local seen = {}
for i = 3, #ARGV, 6 do
  seen[ARGV[i]] = {version = ARGV[i + 1], spec = ARGV[i + 2], job = ARGV[i + 3], restore = ARGV[i + 4], undo = ARGV[i + 5]}
end
local clusters = clusters_of(user)
for _, cluster in ipairs(clusters) do
  local was = seen[cluster.tag]
  local job = unfinished(cluster.id)
  if not was or was.version ~= field(cluster_key(cluster.id), 'version') or was.job ~= (job and job.id or '') then
    return 'stale'
  end
end
redis.call('HSET', OWNERS, user, owner_hash)
for _, cluster in ipairs(clusters) do
  local was = seen[cluster.tag]
  move(cluster.id, {spec = was.spec}, {
    restore = was.restore ~= '' and was.restore or nil,
    undo = was.undo ~= '' and was.undo or nil,
  })
end
return 'ok'
