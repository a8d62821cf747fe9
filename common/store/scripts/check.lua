local a = paired(ARGV)
local cluster = read(cluster_key(a.id))
if not is_held(cluster, a.fence) then return 'lost' end
if not is_leased(cluster) then return 'lapsed' end
return cluster.version == a.version and 'ok' or 'moved'
