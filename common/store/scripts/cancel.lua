-- Gives {refusal or '', fields of the job, if there is one}. A canceled create leaves a cluster that is to be removed.
local a = paired(ARGV)
local job = read_job(a.job_id)
if not job or job.user ~= a.user then return {'missing', {}} end
if has_ended(job) then return {'ended', flat(job)} end
local way_back = job.undo or job.restore
local replicas = job.undo and job.undo_replicas or job.restore_replicas
if job.sealed or not way_back then return {'sealed', flat(job)} end
finish(job, {status = 'canceled', cause = 'canceled'})
bring_back(job, way_back, replicas, job.kind == 'create' and '1' or '0')
return {'', flat(job)}
