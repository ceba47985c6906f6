#pragma once

#include "config/load.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

namespace sluice::config::test {

inline const std::string kafka = "[kafka]\nbrokers = 'b:9092'\n";
inline const std::string cloudberry = "[cloudberry]\ndsn = 'dbname=d'\n";
/// Four lines that every file needs.
inline const std::string head = kafka + cloudberry;
/// The pipeline's own keys follow from line 8 on.
inline const std::string pipeline =
    head + "[ingest.orders]\ntopic = 'orders'\ntable = 'public.orders'\n";

inline Config accepted(const std::string& toml) {
    Loaded loaded = parse(toml, "sluice.toml");
    for (const Problem& problem : loaded.problems) FAIL_CHECK(to_string(problem));
    return loaded.config;
}

inline Ingest accepted_pipeline(const std::string& keys) {
    const Config config = accepted(pipeline + keys);
    REQUIRE(config.ingest.size() == 1);
    return config.ingest.front();
}

inline std::vector<std::string> problems_of(const std::string& toml) {
    std::vector<std::string> texts;
    for (const Problem& problem : parse(toml, "sluice.toml").problems) {
        texts.push_back(to_string(problem));
    }
    return texts;
}

/// The only problem of a file; two are as wrong as none.
inline std::string problem_of(const std::string& toml) {
    const auto texts = problems_of(toml);
    for (const std::string& text : texts) CAPTURE(text);
    REQUIRE(texts.size() == 1);
    return texts.front();
}

inline bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace sluice::config::test
