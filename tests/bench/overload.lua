-- SPDX-License-Identifier: MIT
-- wrk sends the callbacks of files over and over, like a provider without patience.
--
--   RESULT=file wrk -t1 -cN -d SECONDS -s overload.lua URL -- FILE...
--
-- Each request carries its number (from 1) as X-Request-Id, which the answer echoes. RESULT becomes
-- one JSON object: seconds, answers by what they were, 503 without Retry-After, broken connections,
-- and the numbers of the requests that were ever taken.
took, refused, others, hurried, taken = 0, 0, 0, 0, {}
local requests, next_one, seen = {}, 0, {}

function init(args)
    for i = 1, #args do
        local file = assert(io.open(args[i], "rb"))
        for length in function() return file:read(8) end do
            local text, n = file:read(tonumber(length)), #requests + 1
            requests[n] = text:gsub("\r\n", "\r\nX-Request-Id: " .. n .. "\r\n", 1)
        end
        file:close()
    end
end

function request()
    next_one = next_one % #requests + 1
    return requests[next_one]
end

local function note_taken(number)
    took = took + 1
    if not seen[number] then
        seen[number] = true
        taken[#taken + 1] = number
    end
end

function response(status, headers, body)
    if status == 204 or (status == 200 and body == "success") then
        note_taken(tonumber(headers["X-Request-Id"]))
    elseif status == 503 then
        refused = refused + 1
        if not headers["Retry-After"] then hurried = hurried + 1 end
    else
        others = others + 1
    end
end

local sender
function setup(thread) sender = thread end

function done(summary)
    local errors = summary.errors
    local file = assert(io.open(os.getenv("RESULT"), "w"))
    file:write(string.format('{"seconds": %.3f, "took": %d, "refused": %d, "others": %d, "hurried": %d, ' ..
        '"broken": %d, "taken": [%s]}\n', summary.duration / 1e6, sender:get("took"), sender:get("refused"),
        sender:get("others"), sender:get("hurried"),
        errors.connect + errors.read + errors.write + errors.timeout,
        table.concat(sender:get("taken"), ", ")))
    file:close()
end
