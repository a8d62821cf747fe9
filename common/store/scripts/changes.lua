-- Gives {fields of the job, {{revision, fields of the change}, ...}} with the changes after a revision that are kept.
local a = paired(ARGV)
local job = read_job(a.job_id)
if not job then return {{}, {}} end
if job.ended_at and tonumber(job.ended_at) + KEEP_CHANGES <= now then return {flat(job), {}} end
return {flat(job), redis.call('XRANGE', changes_key(job.id), '(' .. a.after .. '-0', '+')}
