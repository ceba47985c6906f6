#pragma once

#include "pipeline/outbox/outbox_ports.h"
#include "sinks/outbox/outbox_table.h"
#include "sinks/session/session.h"

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// Whose books: one relay's, in one schema.
struct RelayIdentity {
    std::string schema = "sluice";  ///< of Sluice's own tables, unquoted
    std::string relay;              ///< the pipeline's name
    std::string writer{};           ///< who we are, for people: "host:pid"
    std::string revision{};         ///< of the configuration

    /// "schema".name, quoted.
    [[nodiscard]] std::string own_table(const char* name) const;
    /// relay = '…', for WHERE.
    [[nodiscard]] std::string is_ours() const;
};

/// The name under which Kafka keeps the relay's mark: made once, at random, for each relay of each
/// database, and kept there. nullopt: the relay never ran. Throws DatabaseError.
[[nodiscard]] std::optional<std::string> read_origin(Session& session,
                                                     const RelayIdentity& identity);
/// For the relay itself: makes it where there is none. Throws TroubleOfTheWorld.
[[nodiscard]] std::string ensure_origin(Session& session, const RelayIdentity& identity);
/// As Kafka knows the relay: its transactional.id, and the key of its mark.
[[nodiscard]] std::string transactional_id(const RelayIdentity& identity,
                                           const std::string& origin);

/// The relay that has the table, however it is spelled; nullopt: none has yet. Throws
/// DatabaseError.
[[nodiscard]] std::optional<std::string> relay_of_table(Session& session, const std::string& schema,
                                                        const std::string& qualified);
/// Why a table that is that relay's can be no other's.
[[nodiscard]] std::string complaint_of_table(const std::string& schema,
                                             const std::string& qualified,
                                             const std::string& relay);
/// Makes it this relay's for good. Throws WrongConfiguration where it is another's, and
/// TroubleOfTheWorld.
void take_table(Session& session, const RelayIdentity& identity, const std::string& qualified);

/// The highest number that was ever claimed; 0: none. Throws DatabaseError.
[[nodiscard]] BatchNumber last_claimed(Session& session, const RelayIdentity& identity);

struct Claim {
    BatchNumber number = 0;
    BatchNumber last = 0;  ///< what must still be the highest number there is
    ClaimedBatch::Kind kind = ClaimedBatch::Kind::rows;
    std::vector<std::string> ids;
};
/// One statement. Where it is outrun, a transaction around it can only be rolled back. Throws
/// DatabaseError.
[[nodiscard]] ClaimResult insert_claim(Session& session, const RelayIdentity& identity,
                                       const Claim& claim);

/// The outbox on Cloudberry. Two connections: one reads, the other keeps the books.
class CloudberryOutbox : public OutboxStore {
public:
    CloudberryOutbox(const std::string& dsn, RelayIdentity identity, OutboxTable table);

    BatchNumber last_claimed() override;
    std::vector<ClaimedBatch> claimed_above(BatchNumber mark) override;
    EventBatch read_claimed(const ClaimedBatch& batch) override;
    void begin_sweep(BatchNumber purged) override;
    EventBatch read(const EventLimits& limits) override;
    void end_sweep() noexcept override;
    void interrupt() override { reader_.interrupt(); }
    ClaimResult claim(BatchNumber number, BatchNumber last, const EventBatch& events) override;
    DecisionResult take_over(ClaimedBatch& batch) override;
    DecisionResult refuse(BatchNumber number, int round, const EventBatch& events,
                          const std::vector<Refusal>& refusals) override;

private:
    void open_reader();
    /// Errors of the database as the pipeline knows them.
    template <typename Call>
    auto heeded(Call call);
    /// Whether it was, and not interrupted.
    [[nodiscard]] bool is_done(const std::function<void()>& read) const;
    [[nodiscard]] std::string select_claimed(const ClaimedBatch& batch) const;
    [[nodiscard]] std::string decision(BatchNumber number, int round, const char* kind,
                                       const std::string& places) const;
    [[nodiscard]] std::string refused_values(BatchNumber number, const EventBatch& events,
                                             const std::vector<Refusal>& refusals) const;

    const RelayIdentity identity_;
    const OutboxTable table_;
    const std::string batches_;  ///< quoted name of the table of claims
    Session reader_;
    Session books_;
    bool sweeping_ = false;
    std::atomic<bool> lost_ = false;  ///< a connection: the other one is likely to be, too
};

/// What a claim calls a refused event: an expression over a table refused_event that is called o.
extern const char* const refused_event_key;

}  // namespace sluice
