// Names that every file system of today can hold, and that stay apart there.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace darkroom::domain {

// What a file system that ignores case, and the form of accents, takes for the same name: names are
// equal there if these are. What is no UTF-8 is compared by its bytes, ASCII letters excepted.
std::string folded_name(std::string_view path);

// The same path without what Windows cannot write (Win32 "Naming Files, Paths, and Namespaces"):
// `<>:"|?*\` and control characters become `_`, as do a dot or space at the end of a folder; `_`
// is added to the name of a device, as in `con` or `com1.tar`. `path`: without the extension that
// it is going to have.
std::string portable_path(std::string_view path);

// The longest prefix of at most `bytes_max` bytes that ends at a UTF-8 character boundary.
std::string_view cut_text(std::string_view text, std::size_t bytes_max);

} // namespace darkroom::domain
