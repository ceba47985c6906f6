#include "pipeline/standstill_watch.h"

#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <optional>

using namespace sluice;
using namespace std::chrono_literals;

namespace {

/// A pipeline that waits for the database, and a database that answers when the test says so.
struct Stage {
    struct Database {
        std::atomic<bool> answers = false;
        std::atomic<int> asked = 0;
        std::atomic<int> answered = 0;
    };

    std::shared_ptr<Database> database = std::make_shared<Database>();  // questions outlive us
    std::atomic<bool> waits = true;
    std::optional<StandstillWatch> watch{
        std::in_place, "orders",
        StandstillWatch::Questions{
            .waits_for_database = [this] { return waits.load(); },
            .in_the_way =
                [asked = database] {
                    ++asked->asked;
                    asked->answers.wait(false);
                    ++asked->answered;
                    return std::string("somebody");
                },
            .why = [this](const std::string& who) { return waits ? "stuck " + who : ""; }}};

    ~Stage() { answer(); }
    void answer() const {
        database->answers = true;
        database->answers.notify_all();
        fixture::wait_until([&] { return database->answered == database->asked; },
                            fixture::patient(5s), "the answers");
    }
    void eventually_says(const std::string& text) {
        fixture::wait_until(
            [&] {
                watch->look();
                return watch->text() == text;
            },
            fixture::patient(5s), "the reason: " + text);
    }
};

}  // namespace

TEST_CASE("standstill: who is in the way is said once it is known, and forgotten when it is over") {
    Stage stage;
    stage.answer();
    stage.eventually_says("stuck somebody");
    stage.waits = false;
    stage.eventually_says("");
}

TEST_CASE("standstill: a question that is not answered holds up neither the watch nor its end") {
    Stage stage;
    stage.eventually_says("stuck ");
    fixture::wait_until([&] { return stage.database->asked == 1; }, fixture::patient(5s),
                        "the question");
    stage.watch.reset();
    CHECK(stage.database->answered == 0);
}
