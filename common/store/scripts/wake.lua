local a = paired(ARGV)
if redis.call('EXISTS', cluster_key(a.id)) == 0 then return end
if a.due_in == '0' then redis.call('HINCRBY', cluster_key(a.id), 'wake', 1) end
if a.count_within ~= '0' then write(cluster_key(a.id), {count_until = after(a.count_within)}) end
due_within(a.id, a.due_in)
