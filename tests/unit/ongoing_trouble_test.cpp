#include "pipeline/ongoing_trouble.h"

#include "daemon/report/logging.h"
#include "daemon/report/recent_log.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sluice;

namespace {

/// The warnings about it, the first first; "…" for one that came again.
std::vector<std::string> warnings(const std::string& about) {
    std::vector<std::string> texts;
    for (const LogLine& line : recent_log().lines()) {
        if (line.about == about) texts.insert(texts.begin(), line.times, line.text);
    }
    return texts;
}

}  // namespace

TEST_CASE("trouble: each reason is logged when it begins, whatever its numbers do then") {
    set_up_logging({});
    OngoingTrouble trouble{"trouble/1"};
    CHECK(trouble.text().empty());
    trouble.begin("not answered for 1 s", "; trying again");
    trouble.begin("not answered for 2 s", "; trying again");
    CHECK(trouble.text() == "not answered for 2 s");
    trouble.set("permission denied");
    CHECK(trouble.text() == "permission denied");
    trouble.set("");
    CHECK(trouble.text().empty());
    trouble.end();
    trouble.begin("permission denied");
    CHECK(warnings("trouble/1") == std::vector<std::string>{"not answered for 1 s; trying again",
                                                            "permission denied",
                                                            "permission denied"});
}
