-- ARGV: name, owner, ttl (0 gives it back). Gives 1 if it is the owner's now.
local a = paired(ARGV)
local role = read(ROLES .. a.name)
local ends = role and tonumber(role.ends) or 0
if now < ends and ends <= now + HORIZON and role.owner ~= a.owner then return 0 end
if a.ttl == '0' then
  redis.call('DEL', ROLES .. a.name)
  return 0
end
write(ROLES .. a.name, {owner = a.owner, ends = after(a.ttl)})
return 1
