// Why a codec could not do its work: the reason that the file ends with, and a sentence.
#pragma once

#include "base/result.hpp"
#include "domain/failure_reason.hpp"

#include <string>

namespace darkroom::codecs {

struct codec_error {
  domain::failure_reason reason = domain::failure_reason::internal;
  std::string detail;
};

template<class T>
using result = base::result<T, codec_error>;

inline std::unexpected<codec_error> fail(domain::failure_reason reason, std::string detail) {
  return std::unexpected(codec_error{reason, std::move(detail)});
}

} // namespace darkroom::codecs
