// Responses from another broker: every API and version, under the memory bound of decoding.

#include <cstdint>

#include "moldau/base/check.hpp"
#include "tests/protocol/decode_probe.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string wrong = moldau::test::probe_response({data, size});
  MOLDAU_CHECK(wrong.empty(), wrong);
  return 0;
}
