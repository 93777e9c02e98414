#include "app/curl_library.hpp"

#include <dlfcn.h>

namespace darkroom::app {

namespace {

// Its interface has had this number since 2006.
constexpr char library_name[] = "libcurl.so.4";

base::result<curl_library, std::string> load() {
  const auto why = [] {
    const char* text = ::dlerror();
    return std::string{text == nullptr ? "" : text};
  };
  void* library = ::dlopen(library_name, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    return std::unexpected("the HTTP client cannot be loaded (Debian package libcurl4): " + why());
  curl_library curl{};
  std::string missing;
  const auto find = [&]<class Function>(Function*& function, const char* name) {
    function = reinterpret_cast<Function*>(::dlsym(library, name));
    if (function == nullptr) missing = why();
  };
  decltype(&::curl_global_init) global_init = nullptr;
  find(global_init, "curl_global_init");
  find(curl.easy_init, "curl_easy_init");
  find(curl.easy_cleanup, "curl_easy_cleanup");
  find(curl.easy_setopt, "curl_easy_setopt");
  find(curl.easy_getinfo, "curl_easy_getinfo");
  find(curl.easy_perform, "curl_easy_perform");
  find(curl.easy_reset, "curl_easy_reset");
  find(curl.easy_strerror, "curl_easy_strerror");
  find(curl.slist_append, "curl_slist_append");
  find(curl.slist_free_all, "curl_slist_free_all");
  if (!missing.empty()) return std::unexpected("the HTTP client cannot be used: " + missing);
  if (const auto code = global_init(CURL_GLOBAL_DEFAULT); code != CURLE_OK)
    return std::unexpected(std::string{"the HTTP client does not start: "} +
                           curl.easy_strerror(code));
  return curl;
}

} // namespace

const base::result<curl_library, std::string>& load_curl() {
  static const auto loaded = load();
  return loaded;
}

} // namespace darkroom::app
