#include "moldau/base/escape.hpp"

#include <gtest/gtest.h>

namespace moldau::base {

TEST(Escape, LeavesPlainTextAndUtf8) { EXPECT_EQ(escape("naïve čaj 😀", 256), "naïve čaj 😀"); }

TEST(Escape, EscapesWhatCouldForgeALogLine) {
  EXPECT_EQ(escape("a\r\nb\x1b[2J\"\\", 256), "a\\x0d\\nb\\x1b[2J\\\"\\\\");
  EXPECT_EQ(escape(std::string_view("\0", 1), 256), "\\x00");
  EXPECT_EQ(escape("\xc2\x9b", 256), "\\xc2\\x9b");  // a C1 control
}

TEST(Escape, EscapesInvalidUtf8) {
  EXPECT_EQ(escape("\xff\xc0\x80", 256), "\\xff\\xc0\\x80");
  EXPECT_EQ(escape("\xed\xa0\x80", 256), "\\xed\\xa0\\x80");  // a surrogate
}

TEST(Escape, CutsLongText) { EXPECT_EQ(escape(std::string(300, 'a'), 4), "aaaa..."); }

TEST(AppendJsonString, MakesValidJson) {
  std::string out;
  append_json_string(out, "a\"b\\c\nd\xff");
  EXPECT_EQ(out, R"("a\"b\\c\u000ad\ufffd")");
}

}  // namespace moldau::base
