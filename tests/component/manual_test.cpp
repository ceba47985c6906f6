#include "daemon/commands/commands.h"
#include "tests/fixture/daemon.h"
#include "tests/fixture/process.h"
#include "tests/fixture/source_dir.h"
#include "tests/fixture/temp_dir.h"

#include <doctest/doctest.h>

#include <string>

using namespace sluice;
using namespace sluice::fixture;
using namespace std::chrono_literals;

namespace {

/// The manual page and the completions, as a package gets them, beside a configuration.
class Manual {
public:
    Manual() {
        run_or_throw({.argv = {SLUICE_MANUAL, dir_.path().string()}}, 60s);
        write_file(dir_.path() / "sluice.toml",
                   "[kafka]\n[ingest.orders]\n[ingest.orders.columns]\n[outbox.events]\n");
    }
    /// What this shell prints, in the directory of the manual.
    [[nodiscard]] std::string printed(std::vector<std::string> shell) const {
        const RunResult result = run({.argv = std::move(shell), .cwd = dir_.path()}, 60s);
        CHECK_MESSAGE(result.exit_code == 0, result.err);
        return result.out;
    }
    /// What bash offers for the last of these words, a line each.
    [[nodiscard]] std::string bash_offers(const std::string& words) const {
        return printed({"bash", "-c",
                        "compopt() { echo files; }; source ./sluice.bash; COMP_WORDS=(" + words +
                            "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _sluice; "
                            "printf '%s\\n' \"${COMPREPLY[@]}\""});
    }
    /// And fish, which puts what it says of each behind a tab.
    [[nodiscard]] std::string fish_offers(const std::string& line) const {
        return printed({"fish", "--no-config", "-c",
                        "source ./sluice.fish; complete -C '" + line + "' | cut -f 1"});
    }

private:
    TempDir dir_{"manual"};
};

}  // namespace

TEST_CASE("manual: completions offer commands, options, their values and names of pipelines") {
    const Manual manual;
    CHECK(manual.bash_offers("sluice pro") == "produce\nprogress\n");
    CHECK(manual.bash_offers("sluice check ''") == "orders\nevents\n");
    CHECK(manual.bash_offers("sluice check -c nowhere.toml ''") == "\n");
    CHECK(manual.bash_offers("sluice check --off") == "--offline\n");
    CHECK(manual.bash_offers("sluice peek --output ''") == "table\njson\ncsv\n");
    CHECK(manual.bash_offers("sluice dead-letters re") == "retry\n");
    CHECK(manual.bash_offers("sluice status --config ''") == "files\n\n");
    CHECK(manual.bash_offers("sluice help out") == "outbox\n");
    CHECK(manual.bash_offers("sluice pause or") == "orders\n");

    CHECK(manual.fish_offers("sluice pro") == "produce\nprogress\n");
    CHECK(manual.fish_offers("sluice check ord") == "orders\n");
    CHECK(manual.fish_offers("sluice check --off") == "--offline\n");
    CHECK(manual.fish_offers("sluice peek --output js") == "json\n");
    CHECK(manual.fish_offers("sluice dead-letters re") == "retry\n");
}

TEST_CASE("manual: zsh reads its completions, and man each page") {
    const Manual manual;
    CHECK(manual.printed({"zsh", "-n", "_sluice"}).empty());
    // With the parts of its completion system that the file calls stood in for, each command's
    // part is read by the one that will read it.
    const std::string commands =
        manual.printed({"zsh", "-f", "-c",
                        "_arguments() { if [[ $1 == -C ]]; then state=command; fi }\n"
                        "_describe() { print -l ${(P)2} }\n"
                        "source ./_sluice"});
    CHECK_MESSAGE(commands.find("dead-letters:look at records") != std::string::npos, commands);
    const auto page = [&](const std::string& name) {
        return manual.printed({"groff", "-man", "-Tascii", "-ww", "-P-cbou", name});
    };
    CHECK(page("sluice.1").find("sluice-dead-letters(1)") != std::string::npos);
    for (const Command& command : all_commands()) {
        const std::string name = "sluice-" + std::string(command.syntax.name) + ".1";
        CHECK_MESSAGE(page(name).find("EXAMPLES") != std::string::npos, name);
    }
    CHECK(page("sluice-run.1").find("--until-caught-up") != std::string::npos);
    CHECK(page("sluice-peek.1").find("--where \"key = '42'\"") != std::string::npos);
}

TEST_CASE("manual: systemd accepts the units, and finds little that they could do without") {
    const TempDir dir("units");
    for (const std::string name : {"sluice.service", "sluice@.service"}) {
        // Where the program is before a package has installed it.
        std::string unit = read_file(source_dir() + "/packaging/systemd/" + name);
        const std::string installed = "/usr/bin/sluice";
        const auto at = unit.find(installed);
        REQUIRE(at != std::string::npos);
        unit.replace(at, installed.size(), sluice_program());
        const std::string file =
            (dir.path() / (name == "sluice.service" ? name : "sluice@test.service")).string();
        write_file(file, unit);
        const RunResult verify =
            run({.argv = {"systemd-analyze", "verify", "--man=no", file}}, 60s);
        CHECK_MESSAGE(verify.exit_code == 0, verify.err);
        CHECK(verify.err == "");
        // Of 100; 20 is what systemd itself calls well protected.
        const RunResult security =
            run({.argv = {"systemd-analyze", "security", "--offline=true", "--threshold=15", file}},
                60s);
        CHECK_MESSAGE(security.exit_code == 0, security.out);
    }
}
