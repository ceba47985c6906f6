#include "tests/demo/story.h"

#include "tests/demo/text.h"
#include "tests/fixture/wait.h"

#include <algorithm>
#include <array>
#include <future>
#include <sstream>

namespace sluice::demo {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds between_looks{500};
/// Where output is a file, the live view becomes a few lines every so often.
constexpr milliseconds between_prints{5000};
constexpr milliseconds patience{60000};
constexpr int transactions = 50;           ///< of the shop, a second
constexpr const char* margin = "       ";  // as wide as the time in front of a line

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

/// Reasons that differ only in the value they quote are of one kind.
constexpr const char* one_letter_of_each_kind = R"(
with letter as (
    select pipeline, topic, kafka_partition, kafka_offset, value,
           coalesce('column "' || (reasons->0->>'column') || '": ', '') as place,
           reasons->0->>'reason' as reason
    from sluice.dead_letter where value is not null),
kind as (
    select *, place || left(regexp_replace(reason, '"[^"]*"|[0-9]+', '', 'g'), 20) as kind
    from letter)
select distinct on (pipeline, kind)
       topic || '[' || kafka_partition || ']@' || kafka_offset, place || reason,
       encode(value, 'escape')
from kind order by pipeline, kind, kafka_offset limit 8)";

/// A line too long for the window, broken between words.
std::vector<std::string> wrapped(std::string line, std::size_t width) {
    std::vector<std::string> parts;
    std::string indent = "  ";
    while (indent.size() + line.size() > width) {
        const auto blank = line.rfind(' ', width - indent.size());
        if (blank == std::string::npos || blank == 0) break;
        parts.push_back(indent + line.substr(0, blank));
        line.erase(0, blank + 1);
        indent = "           ";  // under the text of a finding
    }
    parts.push_back(indent + line);
    return parts;
}

std::vector<std::vector<std::string>> table_of(const std::vector<Sight>& sights) {
    std::vector<std::vector<std::string>> table{
        {"pipeline", "rows in table", "  rows/s", "     lag", "newest row", "dead letters"}};
    for (const Sight& sight : sights) {
        const bool none = sight.newest_row.count() < 0;
        table.push_back({sight.name, with_commas(sight.rows),
                         with_commas(std::int64_t(sight.rows_per_second)), with_commas(sight.lag),
                         none ? "-" : seconds(sight.newest_row) + " ago",
                         with_commas(sight.dead_letters)});
    }
    return table;
}

}  // namespace

int Story::tell() {
    set_the_stage();
    if (!check()) return 1;
    start_loading();
    crash_and_recover();
    finish_producing();
    const bool verified = verify();
    const bool counted = count();
    const bool counted_events = count_events();
    show_dead_letters();
    show_rows();
    const bool fine = verified && counted && counted_events;
    screen_.say();
    note(fine ? screen_.styled(Style::good, "nothing was lost, nothing was doubled")
              : screen_.styled(Style::bad, "the sums above do not agree: this is a bug"));
    if (!fine) {
        say("the end of the daemon's log:");
        const auto log = lines_of(daemon_->log());
        for (std::size_t i = log.size() - std::min<std::size_t>(log.size(), 20); i < log.size();
             ++i)
            say(log[i]);
    }
    if (ending_ == Ending::keep_running) {
        keep_running();
    } else if (fine) {
        say("./dev demo --keep leaves it all running, to play with");
    }
    return fine ? 0 : 1;
}

void Story::set_the_stage() {
    screen_.say(screen_.styled(Style::bold,
                               "Sluice: from Kafka topics into database tables, "
                               "and back, exactly once"));
    screen_.say("A demo of less than a minute. Ctrl-C ends it early; nothing is left behind.");
    screen_.say();
    auto stage = std::async(std::launch::async, [] { return std::make_unique<Stage>(); });
    try {
        while (stage.wait_for(milliseconds(0)) != std::future_status::ready) {
            screen_.draw({clock_face(steady_clock::now() - begin_) +
                          "  a broker and a database are starting ..."});
            signals_.pause(milliseconds(100));
        }
    } catch (const Interrupted&) {
        screen_.draw({margin + std::string("ending as soon as they have started ...")});
        stage.wait();
        screen_.clear();
        throw;
    }
    stage_ = stage.get();
    screen_.clear();
    note("Kafka on " + stage_->broker().bootstrap() + ", PostgreSQL on 127.0.0.1:" +
         std::to_string(stage_->postgres().port()) + ", both private");
    say("topics: orders (JSON, 4 partitions), readings (CSV, 2 partitions)");
    say("        shipments (2 partitions), written from the table outbox");
    say("the daemon's role owns the schema sluice, and may insert into two tables");
    observer_ = std::make_unique<Observer>(*stage_);
    traffic_ = std::make_unique<Traffic>(stage_->broker().client());
    shop_ = std::make_unique<Shop>(stage_->connect());
}

bool Story::check() {
    screen_.say();
    return show_command("check") == 0;
}

void Story::start_loading() {
    const Rates rates;
    screen_.say();
    traffic_->start(rates);
    note("producing " + with_commas(rates.orders) + " orders/s and " + with_commas(rates.readings) +
         " readings/s; one in 200 is broken");
    shop_->start(transactions);
    say("and an application writes " + with_commas(transactions * Shop::shipments_per_transaction) +
        " shipments/s, each with an event; one transaction in 10 rolls back");
    start_daemon();
    watch(std::chrono::seconds(16));
}

void Story::crash_and_recover() {
    // The worst moment: in the middle of a transaction. When none is to be seen, any moment.
    const auto give_up = steady_clock::now() + std::chrono::seconds(3);
    bool loading = false;
    while (!loading && steady_clock::now() < give_up) loading = observer_->is_loading();
    const pid_t pid = daemon_->pid();
    daemon_->kill();
    daemon_runs_ = false;
    daemon_since_ = steady_clock::now();
    const std::int64_t before = observer_->loaded();
    note(screen_.styled(Style::command, "$ kill -9 " + std::to_string(pid)) +
         (loading ? "   in the middle of a transaction" : ""));
    watch(std::chrono::seconds(5));
    observer_->look();
    note("no daemon for " + seconds(steady_clock::now() - daemon_since_) + ": " +
         with_commas(observer_->lag()) + " records wait in Kafka, " +
         with_commas(observer_->outbox().waiting) + " events in the outbox");

    start_daemon();
    const auto restarted = steady_clock::now();
    fixture::wait_until(
        [&] {
            refresh();
            return observer_->loaded() > before;
        },
        patience, "rows after the restart; the daemon's log:\n" + daemon_->log());
    note("first new rows " + seconds(steady_clock::now() - restarted) + " after the restart");
    // What is produced within one batch.delay always waits.
    fixture::wait_until(
        [&] {
            refresh();
            return observer_->lag() < Rates{}.orders;
        },
        patience, "the daemon to catch up");
    note("caught up " + seconds(steady_clock::now() - restarted) + " after the restart");
    watch(std::chrono::seconds(11));
}

void Story::finish_producing() {
    traffic_->stop();
    shop_->stop();
    const auto stopped = steady_clock::now();
    note("no more records; what is on its way arrives");
    fixture::wait_until(
        [&] {
            refresh();
            return observer_->lag() == 0 && observer_->outbox().waiting == 0;
        },
        patience, "lag 0 and an empty outbox");
    const auto took = steady_clock::now() - stopped;
    observer_->look();
    screen_.clear();
    note("lag 0, and an empty outbox, after " + seconds(took));
    screen_.say();
    for (const std::string& line : live_view()) screen_.say(line);
}

bool Story::verify() {
    screen_.say();
    return show_command("verify") == 0;
}

void Story::show_dead_letters() {
    screen_.say();
    note("some of the dead letters, in sluice.dead_letter:");
    const auto letters = stage_->connect().query(one_letter_of_each_kind);
    for (const auto& letter : letters) {
        const std::size_t room = screen_.columns() - std::string(margin).size();
        say(cut(*letter[0] + "  " + *letter[1], room));
        say(screen_.styled(Style::dim, cut("  " + *letter[2], room)));
    }
}

void Story::show_rows() {
    screen_.say();
    show_query("select order_id, customer, city, amount, items from orders limit 3");
}

void Story::keep_running() {
    const Rates slow{.orders = 200, .readings = 100};
    traffic_->start(slow);
    shop_->start(1);
    screen_.say();
    note("everything goes on, slower, until Ctrl-C. To try, from another terminal:");
    screen_.say();
    const std::string psql = "psql '" + stage_->dsn() + "'";
    say("broker         " + stage_->broker().bootstrap());
    say("configuration  " + stage_->config().string());
    say("status page    http://" + stage_->admin() + "/");
    say("daemon's log   " + daemon_->log_file().string());
    screen_.say();
    for (const std::string& command :
         {psql, psql + " -c 'select * from sluice.ledger order by committed_at desc limit 5'",
          psql + " -c 'revoke insert on orders from loader'",
          psql + " -c 'grant insert on orders to loader'",
          psql + " -c \"insert into outbox (key, payload) values ('me', 'hello')\"",
          command_line("peek --topic shipments --where \"key = 'me'\""), command_line("check"),
          command_line("status"), command_line("dead-letters list"), command_line("verify"),
          "kill -9 " + std::to_string(daemon_->pid())})
        screen_.say(screen_.styled(Style::command, command));
    screen_.say();
    say("A topic of your own; then a table for it, and an [ingest.NAME] in the configuration:");
    screen_.say(screen_.styled(Style::command,
                               "java -cp '.cache/kafka-4.1.0/libs/*' "
                               "org.apache.kafka.tools.TopicCommand --bootstrap-server " +
                                   stage_->broker().bootstrap() +
                                   " --create --partitions 2 --topic mine"));
    screen_.say(screen_.styled(Style::command,
                               "echo '{\"id\": 1}' | " + command_line("produce --topic mine "
                                                                      "--format json -")));
    screen_.say();
    try {
        while (true) {
            watch(std::chrono::seconds(2));
            if (daemon_->running()) continue;
            daemon_runs_ = false;
            daemon_since_ = steady_clock::now();
            note("the daemon has ended; it is started again in 3 seconds");
            watch(std::chrono::seconds(3));
            start_daemon();
        }
    } catch (const Interrupted&) {
        screen_.clear();
        note("ending; nothing is left behind");
    }
}

void Story::watch(milliseconds duration) {
    const auto end = steady_clock::now() + duration;
    while (steady_clock::now() < end) {
        refresh();
        signals_.pause(milliseconds(50));
    }
}

void Story::refresh() {
    const auto now = steady_clock::now();
    if (now - looked_ >= between_looks) {
        looked_ = now;
        observer_->look();
        show();
    }
    if (!screen_.is_terminal() && now - std::max(printed_, daemon_since_) >= between_prints / 2 &&
        now - printed_ >= between_prints) {
        const bool first = printed_ == steady_clock::time_point{};
        printed_ = now;
        auto lines = live_view();
        if (!first) lines.erase(lines.begin());
        for (const std::string& line : lines) screen_.say(line);
    }
    signals_.pause(milliseconds(1));
}

void Story::show() {
    std::vector<std::string> lines{""};
    for (std::string& line : live_view()) lines.push_back(std::move(line));
    lines.emplace_back();
    lines.push_back(margin + pulse());
    lines.push_back(margin + daemon_state());
    screen_.draw(lines);
}

std::vector<std::string> Story::live_view() const {
    std::vector<std::string> lines = align(table_of(observer_->sights()), {0});
    const OutboxSight& outbox = observer_->outbox();
    lines.push_back("shipments: " + with_commas(outbox.written) + " written; of their events " +
                    with_commas(outbox.waiting) + " in the outbox, the others in Kafka");
    for (std::string& line : lines) line.insert(0, margin);
    lines.front() = screen_.styled(Style::dim, lines.front());
    return lines;
}

std::string Story::pulse() const {
    constexpr std::array bars{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const auto& history = observer_->history();
    if (!screen_.is_utf8() || history.empty()) return "";
    const double full = 2.0 * (Rates{}.orders + Rates{}.readings);
    std::string line;
    for (const double rate : history) {
        const auto level = std::size_t(rate / full * double(bars.size() - 1) + 0.5);
        line += bars[std::min(rate > 0 ? std::max<std::size_t>(level, 1) : 0, bars.size() - 1)];
    }
    return screen_.styled(Style::command, line) + screen_.styled(Style::dim, " rows/s");
}

std::string Story::daemon_state() const {
    const std::string since = seconds(steady_clock::now() - daemon_since_);
    if (!daemon_runs_) return screen_.styled(Style::bad, "daemon dead for " + since);
    return screen_.styled(
        Style::dim, "daemon " + std::to_string(daemon_->pid()) + " has been running for " + since);
}

void Story::note(const std::string& line) {
    screen_.say(screen_.styled(Style::dim, clock_face(steady_clock::now() - begin_)) + "  " + line);
}

void Story::say(const std::string& line) {
    screen_.say(margin + line);
}

std::string Story::command_line(const std::string& command) const {
    return SLUICE_PROGRAM " " + command + " -c " + stage_->config().string();
}

int Story::show_command(const std::string& command) {
    note(screen_.styled(Style::command, "$ sluice " + command + " -c sluice.toml"));
    const auto result = fixture::run_sluice({command, "-c", stage_->config().string()});
    for (const std::string& line : lines_of(result.out + result.err)) {
        for (const std::string& part : wrapped(line, screen_.columns())) screen_.say(part);
    }
    if (result.exit_code != 0)
        say(screen_.styled(Style::bad, "exit code " + std::to_string(result.exit_code)));
    signals_.pause(milliseconds(1));
    return result.exit_code;
}

void Story::show_query(const std::string& sql) {
    note(screen_.styled(Style::command, "shop=# " + sql + ";"));
    const auto result = fixture::run(
        {.argv = {"psql", "-X", "-q", "-P", "footer=off", "-c", sql, stage_->dsn()}}, patience);
    for (const std::string& line : lines_of(result.out + result.err)) {
        const auto end = line.find_last_not_of(' ');
        if (end != std::string::npos) screen_.say("  " + line.substr(0, end + 1));
    }
}

void Story::start_daemon() {
    if (daemon_) {
        daemon_->start();
    } else {
        daemon_.emplace(stage_->config());
    }
    daemon_runs_ = true;
    daemon_since_ = steady_clock::now();
    note(screen_.styled(Style::command, "$ sluice run -c sluice.toml") + "   pid " +
         std::to_string(daemon_->pid()));
}

}  // namespace sluice::demo
