// libcurl, loaded when a command first speaks to a server. It brings 24 other libraries: the server
// needs none of them, and would copy their mappings with each codec host that it forks.
#pragma once

#include "base/result.hpp"

// The checks of its arguments call functions of the library by name.
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include <string>

namespace darkroom::app {

struct curl_library {
  decltype(&::curl_easy_init) easy_init;
  decltype(&::curl_easy_cleanup) easy_cleanup;
  decltype(&::curl_easy_setopt) easy_setopt;
  decltype(&::curl_easy_getinfo) easy_getinfo;
  decltype(&::curl_easy_perform) easy_perform;
  decltype(&::curl_easy_reset) easy_reset;
  decltype(&::curl_easy_strerror) easy_strerror;
  decltype(&::curl_slist_append) slist_append;
  decltype(&::curl_slist_free_all) slist_free_all;
};

// The first call loads it, for as long as the process lives. The error says what is missing.
const base::result<curl_library, std::string>& load_curl();

} // namespace darkroom::app
