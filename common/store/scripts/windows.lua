-- Goes before admit and hit: how often something happened in a span of time that begins at a multiple of its length.
-- A window is told as name, most, length in milliseconds.
local function window_key(name, length)
  return 'kanto:window:' .. name .. ':' .. length .. ':' .. text(math.floor(now / tonumber(length)))
end

local function rest(length) return text(tonumber(length) - now % tonumber(length)) end

-- Count once more. Gives {name, milliseconds until the window ends} if that was too often.
local function hit(name, most, length)
  local key = window_key(name, length)
  local count = redis.call('INCR', key)
  if count == 1 then redis.call('PEXPIRE', key, length) end
  if count > tonumber(most) then return {name, rest(length)} end
end

-- As hit, of a window that is full already. Counts nothing.
local function look(name, most, length)
  local count = tonumber(redis.call('GET', window_key(name, length)) or '0')
  if count >= tonumber(most) then return {name, rest(length)} end
end

-- `how` over the windows of ARGV from one place to another. Gives the answer that tells the longest wait.
local function each(how, first, last)
  local worst
  for i = first, last, 3 do
    local full = how(ARGV[i], ARGV[i + 1], ARGV[i + 2])
    if full and (not worst or tonumber(full[2]) > tonumber(worst[2])) then worst = full end
  end
  return worst
end
