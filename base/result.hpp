// A value, or why there is none. Like `std::expected`, but a result that nobody looks at is a
// compiler warning, which is an error in this project.
#pragma once

#include <expected>

namespace darkroom::base {

template<class T, class E>
class [[nodiscard]] result : public std::expected<T, E> {
public:
  using std::expected<T, E>::expected;
};

} // namespace darkroom::base
