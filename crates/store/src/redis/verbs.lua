-- The verbs of the store. Redis runs a script whole and alone, so each verb is one step, on disk too: what a script
-- writes stands in the append-only file between MULTI and EXEC.
--
-- Keys (a place is the name of a shelf, a zero byte and the 32 bytes of a key):
--   {stagedoor}:schema          number of the schema, ':', a number that tells this data from any other
--   {stagedoor}:last            the last number given to a version or a fence
--   {stagedoor}:record:PLACE    expiry, version, owner ('-', or '+' and 32 bytes), sealed content
--   {stagedoor}:places          sorted set, by name: every place with a record
--   {stagedoor}:expiries        sorted set, by name: expiry and place of every record that has an expiry
--   {stagedoor}:owner:OWNER     set: the places of an owner
--   {stagedoor}:lease:PLACE     end, fence
--   {stagedoor}:leases          sorted set, by name: end and place of every lease
--
-- Instants, versions and fences are 20 digits with zeros in front, so that the order of text is that of numbers: a
-- number of Lua holds 53 bits only. The expiry of what never expires is twenty nines.
--
-- Redis refuses a script for want of memory only before its first write, so each script that adds something begins
-- with the one write that Redis would refuse.

local LAST, SCHEMA = '{stagedoor}:last', '{stagedoor}:schema'
local PLACES, EXPIRIES, LEASES = '{stagedoor}:places', '{stagedoor}:expiries', '{stagedoor}:leases'
local RECORD, OWNER, LEASE = '{stagedoor}:record:', '{stagedoor}:owner:', '{stagedoor}:lease:'
local NEVER = '99999999999999999999'

-- Gives the next number. It is at least the clock in microseconds, so that none comes twice even where a crash of the
-- server, or a failover, has cost the last writes.
local function advance()
    local last, time = tonumber(redis.call('GET', LAST) or 0), redis.call('TIME')
    local clock = tonumber(time[1]) * 1000000 + tonumber(time[2])
    local number = string.format('%020.0f', math.max(last + 1, clock))
    redis.call('SET', LAST, number)
    return number
end

local function find(place)
    local head = redis.call('GETRANGE', RECORD .. place, 0, 72)
    if head == '' then return nil end
    local owner = head:sub(41, 41) == '+' and head:sub(42, 73) or nil
    return { expires = head:sub(1, 20), version = head:sub(21, 40), owner = owner }
end

local function find_live(place, now)
    local found = find(place)
    return found and found.expires > now and found or nil
end

-- Takes a record out of the indexes in which the one that follows it, if any, does not stand.
local function unindex(place, found, expires, owner)
    if found.expires ~= NEVER and found.expires ~= expires then
        redis.call('ZREM', EXPIRIES, found.expires .. place)
    end
    if found.owner and found.owner ~= owner then
        redis.call('SREM', OWNER .. found.owner, place)
    end
end

local function write(place, found, expires, owner, sealed)
    local version = advance()
    local name = owner:sub(1, 1) == '+' and owner:sub(2) or nil
    if found then unindex(place, found, expires, name) end
    redis.call('SET', RECORD .. place, expires .. version .. owner .. sealed)
    redis.call('ZADD', PLACES, 0, place)
    if expires ~= NEVER then redis.call('ZADD', EXPIRIES, 0, expires .. place) end
    if name then redis.call('SADD', OWNER .. name, place) end
    return version
end

local function forget(place, found)
    redis.call('DEL', RECORD .. place)
    redis.call('ZREM', PLACES, place)
    unindex(place, found)
end

local function expired(index, now, count)
    return redis.call('ZRANGEBYLEX', index, '-', '[' .. now .. '\255', 'LIMIT', 0, count)
end

local verbs = {}

-- Says what tells these data from any other; nothing, if there are none.
function verbs.identify()
    return redis.call('GET', SCHEMA) or ''
end

-- The same, but where there are none yet, they begin here.
function verbs.begin(schema)
    if verbs.identify() == '' then redis.call('SET', SCHEMA, schema .. ':' .. advance()) end
    return verbs.identify()
end

-- Proves that the data can be written, and says what tells them from any other.
function verbs.ready()
    advance()
    return verbs.identify()
end

function verbs.insert(place, now, expires, owner, sealed)
    local found = find(place)
    if found and found.expires > now then return false end
    return write(place, found, expires, owner, sealed)
end

function verbs.replace(place, now, expected, expires, owner, sealed)
    local found = find_live(place, now)
    if not found or found.version ~= expected then return false end
    return write(place, found, expires, owner, sealed)
end

function verbs.take(place, now)
    local found = find_live(place, now)
    if not found then return false end
    local record = redis.call('GET', RECORD .. place)
    forget(place, found)
    return record
end

function verbs.remove(place, now)
    local found = find(place)
    if not found then return 0 end
    forget(place, found)
    return found.expires > now and 1 or 0
end

function verbs.remove_owned(owner, now)
    local live = 0
    for _, place in ipairs(redis.call('SMEMBERS', OWNER .. owner)) do
        live = live + verbs.remove(place, now)
    end
    return live
end

-- `seen` is a version, or nothing where no live record was seen.
function verbs.remove_owned_if(owner, now, place, seen)
    local found = find_live(place, now)
    if (found and found.version or '') ~= seen then return false end
    return verbs.remove_owned(owner, now)
end

-- Reads up to `count` places and answers with the last of them, then the name and content of each live record.
function verbs.list(from, to, count, now)
    local places = redis.call('ZRANGEBYLEX', PLACES, from, to, 'LIMIT', 0, count)
    if #places < tonumber(count) then to = '' else to = places[#places] end
    local answer = { to }
    for _, place in ipairs(places) do
        local record = redis.call('GET', RECORD .. place)
        if record and record:sub(1, 20) > now then
            answer[#answer + 1] = place
            answer[#answer + 1] = record
        end
    end
    return answer
end

function verbs.shelves()
    local names, from = {}, '-'
    while true do
        local place = redis.call('ZRANGEBYLEX', PLACES, from, '+', 'LIMIT', 0, 1)[1]
        if not place then return names end
        names[#names + 1] = place:sub(1, -34)
        from = '(' .. names[#names] .. '\1'
    end
end

-- Answers with how many records went, and how many leases.
function verbs.purge(now, count)
    local records, leases = expired(EXPIRIES, now, count), expired(LEASES, now, count)
    for _, entry in ipairs(records) do
        verbs.remove(entry:sub(21), now)
    end
    for _, entry in ipairs(leases) do
        redis.call('DEL', LEASE .. entry:sub(21))
        redis.call('ZREM', LEASES, entry)
    end
    return { #records, #leases }
end

function verbs.lease(place, now, ends)
    local held = redis.call('GET', LEASE .. place)
    if held and held:sub(1, 20) > now then return false end
    local fence = advance()
    if held then redis.call('ZREM', LEASES, held:sub(1, 20) .. place) end
    redis.call('SET', LEASE .. place, ends .. fence)
    redis.call('ZADD', LEASES, 0, ends .. place)
    return fence
end

function verbs.release(place, fence)
    local held = redis.call('GET', LEASE .. place)
    if held and held:sub(21) == fence then
        redis.call('DEL', LEASE .. place)
        redis.call('ZREM', LEASES, held:sub(1, 20) .. place)
    end
    return 0
end

return verbs[ARGV[1]](unpack(ARGV, 2))
