// What the commands that talk to a server read of its answers.
#pragma once

#include "app/exit_code.hpp"
#include "app/http_client.hpp"
#include "app/progress.hpp"

#include <boost/json/value.hpp>
#include <cstdint>
#include <string>

namespace darkroom::app {

// Null when it is no JSON.
boost::json::value parsed(const std::string& text);
// Null, empty, or 0, when there is no such member.
const boost::json::value& member_of(const boost::json::value& object, const char* name);
// What a batch waits for, from its `waiting_for`; empty if that is.
std::string waiting_text(const std::string& reason);
std::string text_of(const boost::json::value& object, const char* name);
std::uint64_t number_of(const boost::json::value& object, const char* name);

run_totals totals_of(const boost::json::value& batch);
// Whether a state is one that a batch ends in.
bool has_ended(const std::string& state);

std::string batch_path(const std::string& id, const char* rest = "");

// Says on standard error what the server refused; returns the exit code for it.
int fail_with(const http_reply& reply);
// The exit code of an answer that refuses, or of none at all.
exit_code exit_of(const http_reply& reply);

} // namespace darkroom::app
