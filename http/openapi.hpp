// The contract of the server, `http/openapi.yaml`, as the server itself tells it.
#pragma once

#include <string>

namespace darkroom::http {

// The document as JSON; made once.
const std::string& openapi_json();

} // namespace darkroom::http
