#include "conformance/check_list.h"
#include "conformance/site.h"
#include "segments/server.h"
#include "segments/service.h"
#include "sinks/session/sql_text.h"

#include <map>
#include <set>
#include <utility>

/// Rows that the server's segments bring, as they do to tables of `sluice sql --writable`.
namespace sluice::conformance {
namespace {

using segments::Refusal;
using segments::Request;

/// Takes what segments bring. A block that comes again is dropped, as a daemon does.
class Basket : public segments::Service {
public:
    explicit Basket(std::string refused = "") : refused_(std::move(refused)) {}

    [[nodiscard]] std::variant<std::unique_ptr<segments::Reading>, Refusal> begin(
        const Request&) override {
        return Refusal{405, "rows are brought here"};
    }
    [[nodiscard]] std::variant<std::unique_ptr<segments::Writing>, Refusal> begin_writing(
        const Request& request) override {
        return std::make_unique<Part>(*this, request);
    }

    // Once the service is withdrawn.
    [[nodiscard]] const std::string& rows() const { return rows_; }
    [[nodiscard]] std::size_t segments() const { return latest_.size(); }
    [[nodiscard]] std::size_t done() const { return done_.size(); }
    [[nodiscard]] const std::string& disorder() const { return disorder_; }

private:
    class Part : public segments::Writing {
    public:
        Part(Basket& basket, Request request) : basket_(basket), request_(std::move(request)) {}
        void put(std::string block) override { basket_.put(request_, block); }
        [[nodiscard]] bool is_ready(const std::function<void()>&) override { return true; }
        [[nodiscard]] std::optional<Refusal> outcome() override {
            if (basket_.refused_.empty()) return std::nullopt;
            return Refusal{400, basket_.refused_};
        }

    private:
        Basket& basket_;
        const Request request_;
    };

    void put(const Request& request, const std::string& block) {
        std::uint64_t& latest = latest_[request.segment];
        if (request.is_last) done_.insert(request.segment);
        if (request.is_last && block.empty()) return;
        if (request.block == latest + 1) {
            latest = request.block;
            rows_ += block;
        } else if (request.block > latest) {
            disorder_ =
                "block " + std::to_string(request.block) + " came behind " + std::to_string(latest);
        }
        if (!block.empty() && block.back() != '\n') disorder_ = "a block ends within a row";
    }

    const std::string refused_;
    std::string rows_;
    std::map<std::size_t, std::uint64_t> latest_;  ///< block, by segment
    std::set<std::size_t> done_;
    std::string disorder_;
};

std::string writable_table(Site& site, segments::Server& server, const std::string& path) {
    const std::string table = "public." + site.fresh_name("messages");
    site.exec("CREATE WRITABLE EXTERNAL TABLE " + table + " (id int, note text) LOCATION (" +
              quote_literal(server.url(path)) + ") FORMAT 'CSV' ENCODING 'UTF8'");
    return table;
}

std::string brought_rows(Site& site) {
    constexpr int rows = 20'000;
    segments::Server& server = site.segments();
    Basket basket;
    server.offer("/basket", basket);
    const std::string table = writable_table(site, server, "/basket");
    site.exec("INSERT INTO " + table + " SELECT i, E'one\\n\"two\"' FROM generate_series(1, " +
              std::to_string(rows) + ") i");
    server.withdraw("/basket");
    expect_equal("how blocks came", basket.disorder(), "");
    std::set<int> ids;
    std::size_t at = 0;
    const std::string rest = ",\"one\n\"\"two\"\"\"\n";
    while (at < basket.rows().size()) {
        const std::size_t comma = basket.rows().find(',', at);
        expect(basket.rows().compare(comma, rest.size(), rest) == 0,
               "a row came as " + basket.rows().substr(at, 40));
        expect(ids.insert(std::stoi(basket.rows().substr(at, comma - at))).second,
               "a row came twice");
        at = comma + rest.size();
    }
    expect_equal("rows", std::to_string(ids.size()), std::to_string(rows));
    expect_equal("segments that said that they have no more", std::to_string(basket.done()),
                 std::to_string(basket.segments()));
    return std::to_string(basket.segments()) + " segments have brought rows";
}

std::string refused_rows(Site& site) {
    segments::Server& server = site.segments();
    Basket basket("this is why");
    server.offer("/basket", basket);
    const std::string table = writable_table(site, server, "/basket");
    std::string said;
    try {
        site.exec("INSERT INTO " + table + " VALUES (1, 'a')");
    } catch (const DatabaseError& error) {
        said = error.details().message;
    }
    server.withdraw("/basket");
    expect(!said.empty(), "an INSERT of which a block was refused was none that failed");
    expect(said.find("this is why") != std::string::npos, "the INSERT failed by: " + said);
    return "";
}

}  // namespace

std::vector<Case> writable_cases() {
    const std::string group = "Rows that segments bring";
    return {{group, "those of an INSERT, each block once", brought_rows},
            {group, "an INSERT of which they are refused fails, and says why", refused_rows}};
}

}  // namespace sluice::conformance
