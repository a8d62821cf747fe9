-- ARGV: windows. Gives {name of the full window or '', milliseconds}.
local full = each(hit, 1, #ARGV)
return full or {'', '0'}
