-- ARGV: user, the hash that the caller was proved by or '', how many windows of callers, of the user, of refusals; windows.
-- Gives {1 if rebuilt, hash or '', name of the full window or '', milliseconds}.
local user, proved = ARGV[1], ARGV[2]
local first = 6
local function windows(count)
  local from = first
  first = first + 3 * tonumber(count)
  return from, first - 1
end
local callers_from, callers_to = windows(ARGV[3])
local user_from, user_to = windows(ARGV[4])
local refusals_from, refusals_to = windows(ARGV[5])

if not is_rebuilt() then return {0, '', '', '0'} end
local login = login_of(user)
local is_proved = login ~= nil and login == proved
local full = each(hit, callers_from, callers_to)
if not full and is_proved then full = each(hit, user_from, user_to) end
if not full and not is_proved then full = each(look, refusals_from, refusals_to) end
return {1, login or '', full and full[1] or '', full and full[2] or '0'}
