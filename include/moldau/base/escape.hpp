#pragma once
#include <string>
#include <string_view>

namespace moldau::base {

/// `text` with control characters, quotes, backslashes and invalid UTF-8 as \xNN (or \n, \t, \", \\), cut
/// to `bytes_max` bytes of input with "..." after it.  Source: reliability.md S10.
std::string escape(std::string_view text, std::size_t bytes_max);

/// Appends `text` as a JSON string with its quotes.
void append_json_string(std::string& out, std::string_view text);

}  // namespace moldau::base
