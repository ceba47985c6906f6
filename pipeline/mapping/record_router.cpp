#include "pipeline/mapping/record_router.h"

#include <cassert>
#include <utility>

namespace sluice {
namespace {

/// Of schemas that one target's records may have; those beyond are compared anew.
constexpr std::size_t most_covered = 64;

/// Takes a record's rows out of the batch again, unless they are to stay.
class RowsOfRecord {
public:
    using Before = std::vector<std::pair<TargetId, TargetRows::Extent>>;

    /// `before`: room for what it notes.
    RowsOfRecord(Batch& batch, Before& before) : batch_(batch), before_(before) { keep(); }
    ~RowsOfRecord() {
        for (const auto& [target, extent] : before_) batch_.use(target).cut(extent);
    }
    RowsOfRecord(const RowsOfRecord&) = delete;
    RowsOfRecord& operator=(const RowsOfRecord&) = delete;

    void begin(TargetId target) { before_.emplace_back(target, batch_.use(target).extent()); }
    void keep() { before_.clear(); }

private:
    Batch& batch_;
    Before& before_;
};

}  // namespace

RecordRouter::RecordRouter(RowMapper mapper) {
    mappers_.emplace_back(std::move(mapper));
}

RecordRouter::RecordRouter(std::shared_ptr<const Targets> targets,
                           std::shared_ptr<SchemaSource> registry,
                           std::shared_ptr<SchemaGrowth> growth)
    : targets_(std::move(targets)), registry_(std::move(registry)), growth_(std::move(growth)) {}

void RecordRouter::set_most_bytes(std::size_t most) {
    most_bytes_ = most;
    for (std::optional<RowMapper>& mapper : mappers_)
        if (mapper) mapper->set_most_bytes(most);
}

RowMapper::Outcome RecordRouter::map(RecordLog::Index index, Batch& batch) {
    if (targets_ == nullptr) return mappers_.front()->map(index, batch);
    const std::vector<TargetId>& targets = targets_of(*batch.records.from(index));
    Rejection why;
    const RowMapper::Outcome outcome = map_to(targets, index, batch, why);
    if (outcome == RowMapper::Outcome::rejected)
        batch.reject(index, std::move(why.reasons), why.cause);
    return outcome;
}

RowMapper::Outcome RecordRouter::map_to(const std::vector<TargetId>& targets,
                                        RecordLog::Index index, Batch& batch, Rejection& why) {
    using Outcome = RowMapper::Outcome;
    RowsOfRecord rows(batch, before_);
    bool any = false;
    bool kept_out = true;  // by all
    for (const TargetId target : targets) {
        RowMapper& mapper = mapper_of(target);
        rows.begin(target);
        Rejection of_target;
        const Outcome outcome = mapper.map(index, batch, target, of_target);
        if (growth_ != nullptr && outcome != Outcome::filtered)
            demand_columns(target, index, batch);
        switch (outcome) {
            case Outcome::row:
                any = true;
                kept_out = false;
                break;
            case Outcome::filtered:
                kept_out = kept_out && mapper.kept_out();
                break;
            case Outcome::rejected:
                (*targets_)[target].sign(of_target.reasons);
                for (Reason& reason : of_target.reasons)
                    why.add(of_target.cause, std::move(reason));
        }
    }
    const config::Ingest& first = (*targets_)[targets.front()].ingest;
    if (kept_out && why.reasons.empty() && first.on_unrouted == config::OnUnrouted::reject)
        why.add(RejectCause::unrouted,
                {"", first.choice
                         ? "it names none of the tables that \"tables\" permits; see on_unrouted"
                         : "no target's filter lets it through; see on_unrouted"});
    if (!why.reasons.empty()) return Outcome::rejected;
    rows.keep();
    return any ? Outcome::row : Outcome::filtered;
}

/// Rejects as well: what becomes of them later, the table is as their schema wants it.
void RecordRouter::demand_columns(TargetId target, RecordLog::Index index, const Batch& batch) {
    const Targets::Target& of = (*targets_)[target];
    if (of.ingest.on_extra != config::OnExtra::add_column) return;
    const auto& fields = mappers_[target]->fields_by_schema();
    if (covered_.size() <= target) covered_.resize(target + 1);
    Covered& covered = covered_[target];
    if (fields == nullptr || fields == covered.latest) return;
    if (!covered.all.contains(fields)) {
        if (growth_->wants_column(of, *fields))
            throw FieldsWithoutColumn{batch.records.from(index)->topic, target, fields};
        if (covered.all.size() >= most_covered) covered.all.clear();
        covered.all.insert(fields);
    }
    covered.latest = fields;
}

const std::vector<TargetId>& RecordRouter::targets_of(const TopicPartition& from) {
    if (const std::size_t version = targets_->version(); version != version_) {
        of_partition_.clear();
        version_ = version;
    }
    const auto at = static_cast<std::size_t>(from.id);
    if (at >= of_partition_.size()) of_partition_.resize(at + 1);
    std::vector<TargetId>& targets = of_partition_[at];
    if (targets.empty()) targets = targets_->of_topic(from.topic);
    assert(!targets.empty() && "who starts a partition has seen to that it has some");
    return targets;
}

RowMapper& RecordRouter::mapper_of(TargetId target) {
    if (target >= mappers_.size()) mappers_.resize(target + 1);
    std::optional<RowMapper>& mapper = mappers_[target];
    if (mapper) return *mapper;
    const Targets::Target& of = (*targets_)[target];
    mapper.emplace(of.ingest, of.table, registry_);
    if (most_bytes_) mapper->set_most_bytes(*most_bytes_);
    return *mapper;
}

}  // namespace sluice
