local a = paired(ARGV)
if not is_held(read(cluster_key(a.id)), a.fence) then return 'lost' end
write(cluster_key(a.id), {lease_until = after(a.ttl)})
return 'ok'
