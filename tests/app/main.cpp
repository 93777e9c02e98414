// Codec hosts are this program started again: it must know the same formats.
#include "codecs/host/zygote.hpp"
#include "tests/codecs/toy_formats.hpp"

#include <catch2/catch_session.hpp>

int main(int argc, char** argv) {
  darkroom::tests::add_toy_formats();
  if (darkroom::codecs::host::is_zygote(argc, argv)) return darkroom::codecs::host::run_zygote();
  return Catch::Session().run(argc, argv);
}
