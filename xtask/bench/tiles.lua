-- Asks for the addresses that a file lists, one a line, in its order and from the start again at its end, and says in
-- its last line, as JSON, what came of it.
--
--   wrk -t1 -c16 -d3s --timeout 30s -s tiles.lua http://127.0.0.1:3000 -- addresses.txt FIRST
--
-- FIRST is the number of the address to begin with, from 0: runs that begin at different places do not find the tiles of
-- the run before in a cache.

local requests = {}
local next_request = 0

function init(args)
  for address in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("GET", address)
  end
  next_request = tonumber(args[2]) % #requests
end

function request()
  next_request = next_request % #requests + 1
  return requests[next_request]
end

function done(summary, latency, _)
  local errors = summary.errors
  local form = '{"answers": %d, "seconds": %.6f, "bytes": %d, "refused": %d, "lost": %d, '
    .. '"p50": %.4f, "p95": %.4f, "p99": %.4f}\n'
  io.write(form:format(
    summary.requests,
    summary.duration / 1e6,
    summary.bytes,
    errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3,
    latency:percentile(95) / 1e3,
    latency:percentile(99) / 1e3
  ))
end
