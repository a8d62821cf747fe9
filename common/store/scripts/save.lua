local a = paired(ARGV)
local cluster = read(cluster_key(a.id))
if not is_held(cluster, a.fence) then return 'lost' end
tell(a, write_outcome(a, cluster))
return 'ok'
