#pragma once

#include "tests/fixture/source_dir.h"
#include "tests/fixture/temp_dir.h"

#include <doctest/doctest.h>

#include <cstddef>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace sluice::fixture {

/// What a document of docs/ has below a heading, block by block, for tests that run it.
class DocumentedBlocks {
public:
    DocumentedBlocks(const std::string& document, const std::string& heading) {
        std::istringstream in(read_file(source_dir() + "/docs/" + document));
        bool ours = false;
        bool inside = false;
        for (std::string line; std::getline(in, line);) {
            if (line.starts_with("## ")) ours = line == "## " + heading;
            if (!ours) continue;
            if (line.starts_with("```")) {
                inside = !inside;
                if (inside) blocks_.emplace_back(line.substr(3), "");
            } else if (inside) {
                blocks_.back().second += line + "\n";
            }
        }
    }
    /// The next one, which has to be of this language.
    std::string next(const std::string& language) {
        REQUIRE(at_ < blocks_.size());
        REQUIRE(blocks_[at_].first == language);
        return blocks_[at_++].second;
    }
    [[nodiscard]] bool is_over() const { return at_ == blocks_.size(); }

private:
    std::vector<std::pair<std::string, std::string>> blocks_;
    std::size_t at_ = 0;
};

}  // namespace sluice::fixture
