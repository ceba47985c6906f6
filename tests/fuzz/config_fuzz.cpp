#include "config/column_source.h"
#include "config/load.h"
#include "config/text/units.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

/// Whatever the bytes: no crash, and either no problem or only problems that can be printed on one
/// line each.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace sluice::config;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const Loaded loaded = parse(text, "sluice.toml");
    for (const Problem& problem : loaded.problems) {
        const std::string line = to_string(problem);
        if (problem.text.empty() || problem.line < 0) std::abort();
        if (line.find('\n') != std::string::npos) std::abort();
    }
    for (const Format format : {Format::json, Format::csv, Format::text, Format::binary}) {
        static_cast<void>(parse_source(text, format));
    }
    static_cast<void>(parse_size(text));
    static_cast<void>(parse_duration(text));
    static_cast<void>(parse_time(text));
    return 0;
}
