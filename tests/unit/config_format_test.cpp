#include "config/toml/format.h"
#include "tests/fixture/source_dir.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

using sluice::config::formatted;

TEST_CASE("format: keys, sections and blank lines get the house's layout") {
    CHECK(formatted("\n\n[ kafka ]\n  brokers=\"b:9092\"   \n\n\n# of the table\n[cloudberry]\r\n"
                    "dsn   =  'x'\n[ingest . \"my orders\"]\ntopic=\"a=b\" # why\n\n") ==
          "[kafka]\nbrokers = \"b:9092\"\n\n# of the table\n[cloudberry]\ndsn = 'x'\n\n"
          "[ingest.\"my orders\"]\ntopic = \"a=b\" # why\n");
}

TEST_CASE("format: comments stay, and so does what spans lines") {
    const std::string text =
        "# head\n\n[ingest.orders]  # of the shop\nfilter = \"\"\"\n  a = 1   \n\n\n  and b\"\"\"\n"
        "key = [\n    \"id\",  # first\n\n    \"at\",\n]\n# end\n";
    CHECK(formatted(text) == text);
}

TEST_CASE("format: what is laid out already stays, and what is no TOML is left alone") {
    CHECK(formatted("") == "");
    CHECK(formatted("[kafka\nbrokers=1\n") == "[kafka\nbrokers=1\n");
    for (const auto& entry : std::filesystem::directory_iterator(sluice::fixture::source_dir() +
                                                                 "/tests/fuzz/corpus/config")) {
        std::ifstream in(entry.path(), std::ios::binary);
        const std::string text{std::istreambuf_iterator<char>(in), {}};
        const std::string once = formatted(text);
        CHECK_MESSAGE(formatted(once) == once, entry.path());
    }
}
