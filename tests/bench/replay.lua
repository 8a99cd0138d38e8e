-- SPDX-License-Identifier: MIT
-- wrk sends the requests of files, each once, and ends when all are answered.
--
--   RESULT=file BODIES=file wrk -t1 -cN -d LIMIT -s replay.lua URL -- FILE...
--
-- A FILE holds whole requests, each behind its length in eight digits; those of several files take
-- turns. RESULT becomes one JSON object. BODIES, if given, becomes the bodies of the answers of
-- 201, a line each. Taken are 201, 204, and 200 unless its body says fail.
local ffi = require("ffi")
ffi.cdef [[
    typedef struct { long s, ns; } moment;
    int clock_gettime(int, moment *);
    int getpid(void);
    int kill(int, int);
]]
local CLOCK_MONOTONIC, SIGINT = 1, 2
local at = ffi.new("moment[1]")

local function now_s()
    ffi.C.clock_gettime(CLOCK_MONOTONIC, at)
    return tonumber(at[0].s) + tonumber(at[0].ns) / 1e9
end

local function read_file(path)
    local found, file = {}, assert(io.open(path, "rb"))
    for length in function() return file:read(8) end do
        found[#found + 1] = file:read(tonumber(length))
    end
    file:close()
    return found
end

local function take_turns(lists)
    local all, i, before = {}, 0, -1
    while #all > before do
        before, i = #all, i + 1
        for _, list in ipairs(lists) do all[#all + 1] = list[i] end
    end
    return all
end

-- ---- the sending thread; what done() asks for is global

sent, answered, taken, refusal, started_s, last_s, bodies = 0, 0, 0, 0, 0, 0, {}
local keeps_bodies = os.getenv("BODIES")
local requests, tried

function init(args)
    local lists = {}
    for i = 1, #args do lists[i] = read_file(args[i]) end
    requests = take_turns(lists)
end

-- After the last one, a request that does not end: the connection stays quiet and counts nowhere.
local QUIET = "GET / HTTP/1.1\r\n"

function request()
    if not tried then -- wrk asks once ahead, to see whether it is HTTP
        tried = true
        return requests[1]
    end
    if sent == 0 then started_s = now_s() end
    if sent == #requests then return QUIET end
    sent = sent + 1
    return requests[sent]
end

function response(status, _, body)
    answered, last_s = answered + 1, now_s()
    if status == 201 or status == 204 or (status == 200 and body ~= "fail") then
        taken = taken + 1
    else
        refusal = status
    end
    if keeps_bodies and status == 201 then bodies[#bodies + 1] = body end
    if answered == #requests then
        wrk.thread:stop()
        ffi.C.kill(ffi.C.getpid(), SIGINT) -- wrk would sleep until LIMIT
    end
end

-- ---- the main thread

local sender
function setup(thread) sender = thread end

local function write_file(path, text)
    local file = assert(io.open(path, "w"))
    file:write(text)
    file:close()
end

function done(summary, latency)
    local errors = summary.errors
    write_file(os.getenv("RESULT"), string.format(
        '{"sent": %d, "answered": %d, "taken": %d, "refusal": %d, "seconds": %.6f, ' ..
        '"p50_us": %d, "p99_us": %d, "broken": %d}\n',
        sender:get("sent"), sender:get("answered"), sender:get("taken"), sender:get("refusal"),
        sender:get("last_s") - sender:get("started_s"), latency:percentile(50),
        latency:percentile(99), errors.connect + errors.read + errors.write + errors.timeout))
    local path = os.getenv("BODIES")
    if path then write_file(path, table.concat(sender:get("bodies"), "\n") .. "\n") end
end
