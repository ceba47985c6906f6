#pragma once

#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/ports.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/temp_dir.h"

#include <filesystem>
#include <memory>
#include <string>

namespace sluice::demo {

/// What the demo plays on: a private broker with three topics, a private database with two tables
/// that are loaded and two that an application writes, a role for the daemon, and a configuration.
/// All of it is gone when this goes.
class Stage {
public:
    /// Starts both servers at once; returns when all is there.
    Stage();

    [[nodiscard]] fixture::KafkaBroker& broker() { return *broker_; }
    [[nodiscard]] fixture::Postgres& postgres() { return *postgres_; }
    [[nodiscard]] fixture::PgConnection connect() { return postgres_->connect(database); }
    [[nodiscard]] const std::filesystem::path& config() const { return config_; }
    /// Where the daemon's admin server listens: host:port.
    [[nodiscard]] const std::string& admin() const { return admin_; }
    /// For the user's psql: the superuser.
    [[nodiscard]] std::string dsn() const { return postgres_->dsn(database); }

    static constexpr const char* database = "shop";
    static constexpr const char* role = "loader";

private:
    fixture::TempDir dir_{"demo"};
    std::unique_ptr<fixture::KafkaBroker> broker_;
    std::unique_ptr<fixture::Postgres> postgres_;
    std::filesystem::path config_;
    const std::string admin_ = "127.0.0.1:" + std::to_string(fixture::free_port());
};

}  // namespace sluice::demo
