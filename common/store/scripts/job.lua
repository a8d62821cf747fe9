-- Gives the fields of the job, none if there is none.
local a = paired(ARGV)
local job = read_job(a.job_id)
return job and flat(job) or {}
