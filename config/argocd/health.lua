-- Health of DesktopProvider, DesktopCluster, DesktopImage and Desktop. Their conditions follow kstatus: Ready means that
-- actual equals wanted, Stalled that only a human can help, and a status of an older generation speaks of another spec.
local health = {status = "Progressing", message = "Waiting for the operator"}

if obj.metadata.deletionTimestamp ~= nil then
  health.message = "Being deleted"
end

local status = obj.status
if status == nil or status.conditions == nil then
  return health
end

local conditions = {}
for _, condition in ipairs(status.conditions) do
  conditions[condition.type] = condition
end

local function is_true(kind)
  return conditions[kind] ~= nil and conditions[kind].status == "True"
end

-- A deletion that waits, for the end of a paid term for instance, says for what.
if obj.metadata.deletionTimestamp ~= nil then
  if is_true("DeletionBlocked") then
    health.message = conditions.DeletionBlocked.message
  end
  return health
end

if is_true("Paused") then
  health.status = "Suspended"
  health.message = conditions.Paused.message
  return health
end

if status.observedGeneration ~= obj.metadata.generation then
  health.message = "Waiting for the operator to see the latest change"
  return health
end

if is_true("Stalled") then
  health.status = "Degraded"
  health.message = conditions.Stalled.message
elseif is_true("Ready") then
  health.status = "Healthy"
  health.message = conditions.Ready.message
elseif conditions.Ready ~= nil then
  health.message = conditions.Ready.message
end
return health
