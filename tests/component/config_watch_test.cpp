#include "daemon/reload/config_watch.h"

#include "tests/fixture/temp_dir.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <atomic>
#include <fstream>

using namespace sluice;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& file, const std::string& content) {
    std::ofstream(file) << content;
}

struct Stage {
    fixture::TempDir dir{"watch"};
    std::atomic<int> changes = 0;
    ConfigWatch watch{[this] { ++changes; }};

    [[nodiscard]] fs::path path(const std::string& name) const { return dir.path() / name; }
    void expect_change(const std::string& what) {
        fixture::wait_until([&] { return changes > 0; }, fixture::patient(10s), what);
        changes = 0;
    }
};

}  // namespace

TEST_CASE("watch: a file that is written, and one that is renamed over") {
    Stage stage;
    const fs::path file = stage.path("sluice.toml");
    write(file, "one");
    stage.watch.set_files({file});
    write(file, "one and two");
    stage.expect_change("the file written in place");
    write(stage.path("sluice.toml.new"), "three");
    fs::rename(stage.path("sluice.toml.new"), file);
    stage.expect_change("the file renamed over");
    fs::remove(file);
    stage.expect_change("the file removed");
    write(file, "four");
    stage.expect_change("the file back again");
}

TEST_CASE("watch: the turn of a ConfigMap's link") {
    Stage stage;
    for (const std::string version : {"..1", "..2", "..3"}) {
        fs::create_directory(stage.path(version));
        write(stage.path(version) / "sluice.toml", "version " + version);
    }
    const auto turn_to = [&](const std::string& version) {
        fs::create_directory_symlink(version, stage.path("..data_tmp"));
        fs::rename(stage.path("..data_tmp"), stage.path("..data"));
    };
    turn_to("..1");
    fs::create_symlink("..data/sluice.toml", stage.path("sluice.toml"));
    stage.watch.set_files({stage.path("sluice.toml")});
    turn_to("..2");
    stage.expect_change("the first turn");
    turn_to("..3");
    stage.expect_change("the second turn");
}

TEST_CASE("watch: a file elsewhere that a link leads to, and a secret in another folder") {
    Stage stage;
    fs::create_directories(stage.path("etc"));
    fs::create_directories(stage.path("secrets"));
    write(stage.path("real.toml"), "one");
    write(stage.path("secrets") / "password", "one");
    fs::create_symlink(stage.path("real.toml"), stage.path("etc") / "sluice.toml");
    stage.watch.set_files({stage.path("etc") / "sluice.toml", stage.path("secrets") / "password"});
    write(stage.path("real.toml"), "one and two");
    stage.expect_change("the file behind the link");
    write(stage.path("secrets") / "password", "one and two");
    stage.expect_change("the secret");
}

TEST_CASE("watch: a neighbour's change is none") {
    Stage stage;
    write(stage.path("sluice.toml"), "one");
    stage.watch.set_files({stage.path("sluice.toml")});
    write(stage.path("neighbour"), "one");
    write(stage.path("sluice.toml"), "one and two");
    stage.expect_change("the file");
    CHECK(stage.changes == 0);
}
