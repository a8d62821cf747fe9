-- Gives {fields of the job, fields of what is remembered of the request}; none if there is none.
local a = paired(ARGV)
local once = remembered(a.user, a.once)
if not once then return {{}, {}} end
local job = read_job(once.job_id)
return {job and flat(job) or {}, flat(once)}
