-- Posts the bodies of a folder in turn (BODIES: folder, COUNT: how many); DELAY_MS: mean of the random pause before a request.
local bodies, n = {}, tonumber(os.getenv("COUNT"))
local mean = tonumber(os.getenv("DELAY_MS") or "0")

function init(args)
  math.randomseed(7)
  for i = 1, n do
    local file = io.open(os.getenv("BODIES") .. "/" .. i .. ".json", "rb")
    bodies[i] = wrk.format("POST", "/admission", {["Content-Type"] = "application/json", ["Host"] = "gate"}, file:read("*a"))
    file:close()
  end
end

local i = 0
function request()
  i = i % n + 1
  return bodies[i]
end

if mean > 0 then
  function delay()
    return -mean * math.log(1 - math.random())
  end
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), latency.max, e.connect + e.read + e.write + e.timeout, e.status))
end
