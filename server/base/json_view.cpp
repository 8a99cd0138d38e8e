/* SPDX-License-Identifier: MIT */
#include "base/json_view.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <type_traits>
#include <vector>

#include <simdjson.h>

#include "base/check.h"

namespace dom = simdjson::dom;

struct json_text {
    dom::parser parser;
};

namespace
{

/* simdjson's own view of a value: a document and a place in it. */
static_assert(sizeof(dom::element) == sizeof(json_view) &&
                  std::is_trivially_copyable<dom::element>::value,
              "a view is an element");

json_view view_of(const dom::element &e)
{
    json_view v;
    std::memcpy(&v, &e, sizeof v);
    return v;
}

template <class T> bool get(json_view v, T &out)
{
    if (!v.text)
        return false;
    dom::element e;
    std::memcpy(static_cast<void *>(&e), &v, sizeof v);
    return e.get(out) == simdjson::SUCCESS;
}

bool is_strict(const dom::element &e);

bool is_strict(std::string_view s)
{
    return s.find('\0') == s.npos;
}

bool is_strict(const dom::object &object)
{
    std::vector<std::string_view> names;
    for (const dom::key_value_pair &member : object) {
        if (!is_strict(member.key) || !is_strict(member.value))
            return false;
        names.push_back(member.key);
    }
    std::sort(names.begin(), names.end());
    return std::adjacent_find(names.begin(), names.end()) == names.end();
}

bool is_strict(const dom::array &array)
{
    for (const dom::element &item : array)
        if (!is_strict(item))
            return false;
    return true;
}

/* Recurses as deep as the parser let the text be. */
bool is_strict(const dom::element &e)
{
    dom::object object;
    dom::array array;
    std::string_view string;
    if (e.get(object) == simdjson::SUCCESS)
        return is_strict(object);
    if (e.get(array) == simdjson::SUCCESS)
        return is_strict(array);
    return e.get(string) != simdjson::SUCCESS || is_strict(string);
}

} // namespace

json_text *json_text_open(const void *json, size_t n, json_view *root)
{
    auto *t = new (std::nothrow) json_text;
    CHECK_PEER(t);
    dom::object object;
    dom::element e;
    *root = {};
    if (n == 0)
        json = "";
    simdjson::error_code error = t->parser.allocate(n, JSON_VIEW_DEPTH);
    if (!error)
        error = t->parser.parse(static_cast<const char *>(json), n).get(e);
    CHECK_PEER(error != simdjson::MEMALLOC);
    if (error || e.get(object) || !is_strict(object)) {
        delete t;
        return nullptr;
    }
    *root = view_of(e);
    return t;
}

void json_text_close(json_text *t)
{
    delete t;
}

json_view json_view_member(json_view object, const char *name)
{
    dom::object o;
    dom::element e;
    return get(object, o) && !o.at_key(name).get(e) ? view_of(e) : json_view{};
}

json_view json_view_find(json_view object, bool (*fits)(const char *name, json_view value))
{
    dom::object o;
    if (get(object, o))
        for (const dom::key_value_pair &member : o)
            if (fits(member.key.data(), view_of(member.value)))
                return view_of(member.value);
    return {};
}

json_view json_view_item(json_view array, size_t i)
{
    dom::array a;
    dom::element e;
    return get(array, a) && !a.at(i).get(e) ? view_of(e) : json_view{};
}

size_t json_view_count(json_view array)
{
    dom::array a;
    return get(array, a) ? a.size() : 0;
}

bool json_view_exists(json_view v)
{
    return v.text != nullptr;
}

bool json_view_is_object(json_view v)
{
    dom::object o;
    return get(v, o);
}

bool json_view_is_array(json_view v)
{
    dom::array a;
    return get(v, a);
}

const char *json_view_string(json_view v, size_t *n)
{
    std::string_view s; // followed by a NUL in the parser's buffer
    if (!get(v, s))
        s = {};
    if (n)
        *n = s.size();
    return s.data();
}

bool json_view_integer(json_view v, int64_t *out)
{
    int64_t i;
    if (!get(v, i))
        return false;
    *out = i;
    return true;
}
