#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/process.h"
#include "tests/fixture/source_dir.h"
#include "tests/fixture/temp_dir.h"
#include "tests/fixture/wait.h"
#include "tests/package/root.h"

#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>

/// The packages as an administrator meets them: installed by apt into a Debian that has nothing
/// yet, edited, checked, run by the package's own user, reloaded, upgraded, purged. systemd does
/// not run there; that it takes the units is component.manual's.
namespace sluice {
namespace {

using namespace std::chrono_literals;
using fixture::RunResult;

/// Topics with records and tables for them.
class World {
public:
    World() {
        database_.create_database("packages");
        for (const std::string name : {"first", "second"}) {
            const std::string topic = name + "_" + std::to_string(++made);
            topics_.push_back(topic);
            database_.exec("CREATE TABLE " + name + " (id bigint)", "packages");
            broker_.admin().create_topic(topic, 1);
            fixture::KafkaProducer producer{broker_.client()};
            for (int id = 0; id < records; ++id)
                producer.produce(topic, 0, "{\"id\": " + std::to_string(id) + "}");
            producer.flush();
        }
    }

    [[nodiscard]] std::string configuration() const {
        return "[kafka]\nbrokers = \"" + broker_.bootstrap() + "\"\n[cloudberry]\ndsn = \"" +
               database_.dsn("packages") + "\"\n[admin]\nlisten = \"\"\n";
    }
    [[nodiscard]] std::string dsn() const { return database_.dsn("packages"); }
    [[nodiscard]] std::string pipeline(const std::string& name) const {
        return "[ingest." + name + "]\ntopic = \"" + topics_[name == "first" ? 0 : 1] +
               "\"\ntable = \"public." + name + "\"\n";
    }
    void wait_for_rows(const std::string& table, const Root& root) const {
        try {
            fixture::wait_until(
                [&] {
                    return database_.value("SELECT count(DISTINCT id) FROM " + table, "packages") ==
                           std::to_string(records);
                },
                60s, "all records in " + table);
        } catch (const fixture::WaitedTooLong& error) {
            FAIL(error.what() << '\n' << fixture::read_file(root.file("/sluice.log")));
        }
    }

private:
    static constexpr int records = 100;
    static inline int made = 0;
    fixture::KafkaBroker& broker_ = fixture::shared_broker();
    fixture::Postgres& database_ = fixture::shared_postgres();
    std::vector<std::string> topics_;
};

/// "/packages/sluice_0.1.0-1~debian12_amd64.deb"
std::string package_for(const std::string& debian, const std::string& program = "sluice") {
    for (const auto& entry :
         std::filesystem::directory_iterator(fixture::source_dir() + "/build/packages")) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(program + "_") &&
            name.find("~debian" + debian + "_") != std::string::npos)
            return "/packages/" + name;
    }
    FAIL("no package for Debian " << debian << "; packaging/build.sh makes it");
    return {};
}

/// The same package with a higher version and one more line in its configuration.
void make_newer(const Root& root, const std::string& package) {
    static_cast<void>(root.in(
        {"sh", "-ec",
         "dpkg-deb -R " + package +
             " /newer; sed -i 's/^Version: .*/Version: 99/' /newer/DEBIAN/control; "
             "echo '# new' >>/newer/etc/sluice/sluice.toml; dpkg-deb -b /newer /newer.deb"}));
}

void try_package(const std::string& suite, const std::string& debian) {
    const World world;
    const Root root(suite);
    const std::string package = package_for(debian);
    const std::string file = root.file("/etc/sluice/sluice.toml");

    root.apt_install(package);
    CHECK(root.in({"stat", "-c", "%U:%G %a", "/etc/sluice/sluice.toml"}) == "root:sluice 640\n");
    for (const char* installed :
         {"/usr/share/man/man1/sluice.1.gz", "/usr/share/bash-completion/completions/sluice",
          "/usr/share/zsh/vendor-completions/_sluice",
          "/usr/share/fish/vendor_completions.d/sluice.fish",
          "/usr/lib/systemd/system/sluice.service", "/usr/lib/systemd/system/sluice@.service",
          "/usr/share/doc/sluice/configuration.md", "/usr/share/doc/sluice/copyright"})
        CHECK_MESSAGE(std::filesystem::exists(root.file(installed)), installed);
    // As it comes, nothing is wrong with it.
    CHECK(fixture::run(root.sluice({"check", "--offline", "-c", "/etc/sluice/sluice.toml"}), 60s)
              .exit_code == 0);

    fixture::write_file(file, world.configuration() + world.pipeline("first"));
    const RunResult check =
        fixture::run(root.sluice({"check", "-c", "/etc/sluice/sluice.toml"}), 60s);
    CHECK_MESSAGE(check.exit_code == 0, check.out << check.err);

    fixture::Process daemon{root.sluice({"run", "-c", "/etc/sluice/sluice.toml"})};
    world.wait_for_rows("first", root);
    fixture::write_file(file,
                        world.configuration() + world.pipeline("first") + world.pipeline("second"));
    daemon.signal(SIGHUP);
    world.wait_for_rows("second", root);
    daemon.signal(SIGTERM);
    CHECK(daemon.wait(60s) == 0);

    make_newer(root, package);
    static_cast<void>(root.in({"env", "DEBIAN_FRONTEND=noninteractive", "dpkg", "--force-confold",
                               "--install", "/newer.deb"}));
    CHECK(fixture::read_file(file).find("[ingest.second]") != std::string::npos);
    CHECK(root.in({"stat", "-c", "%U:%G %a", "/etc/sluice/sluice.toml"}) == "root:sluice 640\n");

    root.apt_install(package_for(debian, "sluice-conformance"));
    CHECK(std::filesystem::exists(root.file("/usr/share/man/man1/sluice-conformance.1.gz")));
    CHECK(root.in({"sluice-conformance", "--only", "Targets: heap", world.dsn()})
              .find("| heap | passed |") != std::string::npos);

    static_cast<void>(root.in({"dpkg", "--purge", "sluice"}));
    CHECK_FALSE(std::filesystem::exists(root.file("/etc/sluice")));
    CHECK_FALSE(std::filesystem::exists(root.file("/usr/share/doc/sluice")));
    CHECK(root.in({"sh", "-c", "getent passwd sluice; getent group sluice; true"}).empty());
}

TEST_CASE("package: Debian 12 gets from nothing to rows, reloads, upgrades and forgets it") {
    try_package("bookworm", "12");
}

TEST_CASE("package: Debian 13 gets from nothing to rows, reloads, upgrades and forgets it") {
    try_package("trixie", "13");
}

}  // namespace
}  // namespace sluice
