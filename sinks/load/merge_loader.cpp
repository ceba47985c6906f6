#include "sinks/load/merge_loader.h"

#include "pipeline/fail_point.h"
#include "pipeline/values/binary_copy.h"
#include "pipeline/values/hex.h"
#include "sinks/books/schema.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/load/drift.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

namespace sluice {
namespace {

std::vector<std::size_t> all_of(const OrderedChanges& changes) {
    std::vector<std::size_t> all(changes.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    return all;
}

void append_as_text(std::string& to, std::string_view bytes) {
    to += R"(\\x)";
    append_hex(to, bytes);
    to += '\t';
}

/// A row of the target with what the staging table has before it: its number, and where there is an
/// order the bytes of its key and of its place.
void append_staged(EncodedRows& to, const OrderedChanges::At& change, CopyForm form,
                   std::size_t number) {
    std::string_view row = change.bytes();
    const bool ordered = !change.order().empty();
    if (form == CopyForm::binary) {
        std::int16_t count = 0;
        std::memcpy(&count, row.data(), sizeof count);
        row.remove_prefix(sizeof count);
        const int more = ordered ? 3 : 1;
        binary_copy::append_int(to.bytes,
                                static_cast<std::int16_t>(binary_copy::big_endian(count) + more));
        binary_copy::append_field(to.bytes, static_cast<std::int32_t>(number));
        if (ordered) binary_copy::append_field(to.bytes, change.key());
        if (ordered) binary_copy::append_field(to.bytes, change.order());
    } else {
        to.bytes.append(std::to_string(number)).append("\t");
        if (ordered) append_as_text(to.bytes, change.key());
        if (ordered) append_as_text(to.bytes, change.order());
    }
    to.bytes += row;
    to.rows.push_back({.record = change.about().record, .end = to.bytes.size()});
}

}  // namespace

MergeLoader::MergeLoader(Session& session, MergeTarget target, config::OnInvalid on_invalid)
    : session_(session),
      statements_(std::move(target)),
      judge_(session, statements_.staging(), statements_.staged_columns()),
      server_side_(session, statements_.staging(), statements_.staged_columns()),
      staging_blame_(session),
      binary_(session, {judge_, server_side_, staging_blame_},
              staging_options(CopyForm::binary, on_invalid)),
      text_(session, {judge_, server_side_, staging_blame_},
            staging_options(CopyForm::text, on_invalid)),
      isolation_(session, statements_) {}

IsolationOptions MergeLoader::staging_options(CopyForm form, config::OnInvalid on_invalid) const {
    return isolation_options({.table = statements_.staging(),
                              .relation = statements_.staging(),
                              .columns = statements_.staged_columns(),
                              .sql = statements_.copy_into_staging(form),
                              .form = form},
                             statements_.target().table, on_invalid);
}

std::string MergeLoader::target() const {
    return "table " + qualified(statements_.target().table);
}

bool MergeLoader::expects_refusals(const TargetRows&) const {
    return refused_lately_;
}

void MergeLoader::look(const TargetRows&) {}

void MergeLoader::refuse_drift() {
    refuse_drift_of(session_, statements_.target().table, statements_.target().columns);
}

MergeLoader::Staged MergeLoader::stage(const OrderedChanges& changes, const TargetRows& rows,
                                       const std::vector<std::size_t>& candidates) const {
    Staged staged;
    staged.changes = fold(changes, candidates, rows.kept, statements_.has_other_columns());
    // Removals first: what they leave, others may take.
    const auto kind_of = [&](const FoldedChange& each) {
        const EncodedRows::Row& about = changes[each.change].about();
        return std::pair(each.layer, about.change == Change::remove ? -1 : int{about.kept});
    };
    std::ranges::stable_sort(staged.changes, {}, kind_of);
    for (std::size_t number = 0; number < staged.changes.size(); ++number) {
        const FoldedChange& each = staged.changes[number];
        const OrderedChanges::At& change = changes[each.change];
        if (number == 0 || kind_of(each) != kind_of(staged.changes[number - 1]))
            staged.steps.push_back({.removes = change.about().change == Change::remove,
                                    .kept = rows.kept[change.about().kept],
                                    .layer = each.layer,
                                    .begin = number,
                                    .end = number});
        staged.steps.back().end = number + 1;
        const bool binary = change.rows == &rows.binary;
        (binary ? staged.binary_numbers : staged.text_numbers).push_back(number);
        append_staged(binary ? staged.binary : staged.text, change,
                      binary ? CopyForm::binary : CopyForm::text, number);
    }
    return staged;
}

void MergeLoader::make_staging() {
    if (!mpp_) mpp_ = is_mpp(family_of(session_));
    session_.run(statements_.make_staging(*mpp_));
}

void MergeLoader::put(const TargetRows& rows) {
    without_effect_ = {};
    if (rows.size() == 0) return;
    const OrderedChanges changes(rows);
    std::vector<Fate> fates(changes.size());
    const Staged staged = stage(changes, rows, all_of(changes));
    make_staging();
    copy(staged.binary, CopyForm::binary);
    copy(staged.text, CopyForm::text);
    SLUICE_FAIL_POINT("merge_staged");
    make_changes(staged, fates);
    tell_without_effect(changes, fates);
}

void MergeLoader::copy(const EncodedRows& rows, CopyForm form) {
    if (rows.rows.empty()) return;
    session_.send(statements_.copy_into_staging(form));
    session_.await_copy();
    if (form == CopyForm::binary) session_.put(copy_header());
    put_rows(session_, rows, 0, rows.rows.size());
    if (form == CopyForm::binary) session_.put(copy_trailer());
    session_.end_copy();
    session_.finish();
}

void MergeLoader::make_changes(const Staged& staged, std::vector<Fate>& fates) {
    const bool updates = statements_.target().mode == config::Mode::update;
    std::string sql = statements_.take_turn() + ";" + statements_.probe_only();
    std::set<std::size_t> older;
    if (!statements_.target().order.empty()) {
        session_.run(std::exchange(sql, ""));
        older = leave_out_older();
    }
    for (const MergeStep& step : staged.steps) {
        const bool tells = updates && !step.removes;
        for (std::size_t number = step.begin; number < step.end; ++number) {
            Fate& fate = fates[staged.changes[number].change];
            fate = older.contains(number) ? Fate::older : tells ? Fate::unmatched : Fate::made;
        }
        if (!tells) {
            sql += ";" + statements_.apply(step, step.begin, step.end);
            continue;
        }
        session_.run(std::exchange(sql, ""));
        const Rows matched = session_.exec(statements_.update(step, step.begin, step.end));
        for (std::size_t row = 0; row < matched.rows.size(); ++row) {
            const auto number = static_cast<std::size_t>(matched.number(row, 0));
            fates[staged.changes[number].change] = Fate::made;
        }
    }
    session_.run(sql + ";" + statements_.plan_freely());
}

std::set<std::size_t> MergeLoader::leave_out_older() {
    std::set<std::size_t> numbers;
    for (const std::string& sql : statements_.leave_out_older()) {
        const Rows older = session_.exec(sql);
        for (std::size_t row = 0; row < older.rows.size(); ++row)
            numbers.insert(static_cast<std::size_t>(older.number(row, 0)));
    }
    return numbers;
}

void MergeLoader::tell_without_effect(const OrderedChanges& changes,
                                      const std::vector<Fate>& fates) {
    for (std::size_t change = 0; change < changes.size(); ++change) {
        const RecordLog::Index record = changes[change].about().record;
        if (fates[change] == Fate::open || fates[change] == Fate::older)
            without_effect_.superseded.push_back(record);
        if (fates[change] == Fate::unmatched) without_effect_.unmatched.push_back(record);
    }
}

/// Of a change that is refused, those before it of its key get their turn, the latest first.
std::vector<Reject> MergeLoader::separate(const TargetRows& rows, Alike alike) {
    without_effect_ = {};
    refused_lately_ = false;
    if (rows.size() == 0) return {};
    const OrderedChanges changes(rows);
    Isolated so_far{.fates = std::vector<Fate>(changes.size()), .rejects = {}};
    session_.run(statements_.take_turn() + ";" + statements_.probe_only());
    judge_.begin();
    staging_blame_.begin_load(alike);
    isolation_.begin_load(alike);
    std::vector<std::size_t> candidates = all_of(changes);
    while (!candidates.empty()) {
        const Staged staged = stage(changes, rows, candidates);
        make_staging();
        copy_isolated(staged, changes, so_far);
        make_changes_isolated(staged, changes, so_far);
        candidates = before_refused(changes, candidates, so_far.fates);
    }
    session_.run(statements_.plan_freely());
    staging_blame_.end_load();
    isolation_.end_load();
    refused_lately_ = !so_far.rejects.empty();
    tell_without_effect(changes, so_far.fates);
    return std::move(so_far.rejects);
}

void MergeLoader::copy_isolated(const Staged& staged, const OrderedChanges& changes,
                                Isolated& so_far) {
    const auto copy_form = [&](RowIsolation& isolation, const EncodedRows& encoded,
                               const std::vector<std::size_t>& numbers) {
        Refused refused = isolation.load(encoded, {});
        for (std::size_t i = 0; i < refused.rows.size(); ++i)
            so_far.refuse(changes, staged.changes[numbers[refused.rows[i]]].change,
                          std::move(refused.reasons[i]));
    };
    copy_form(binary_, staged.binary, staged.binary_numbers);
    copy_form(text_, staged.text, staged.text_numbers);
    session_.run(statements_.index_staging());
}

void MergeLoader::Isolated::refuse(const OrderedChanges& changes, std::size_t change,
                                   std::vector<Reason> reasons) {
    fates[change] = Fate::refused;
    rejects.push_back({changes[change].about().record, std::move(reasons), RejectCause::refused});
}

void MergeLoader::make_changes_isolated(const Staged& staged, const OrderedChanges& changes,
                                        Isolated& so_far) {
    std::vector<Fate>& fates = so_far.fates;
    const auto fate_of = [&](std::size_t number) -> Fate& {
        return fates[staged.changes[number].change];
    };
    std::vector<bool> stopped(changes.keys());  // keys of which a change was refused just now
    const auto key_of = [&](std::size_t number) {
        return changes.key_of(staged.changes[number].change);
    };
    std::set<std::size_t> not_staged;
    for (std::size_t number = 0; number < staged.changes.size(); ++number) {
        if (fate_of(number) != Fate::refused) continue;
        stopped[key_of(number)] = true;
        not_staged.insert(number);
    }
    for (const std::size_t number : leave_out_older()) {
        fate_of(number) = Fate::older;
        not_staged.insert(number);
    }
    isolation_.begin(staged.steps, std::move(not_staged));
    for (const MergeStep& step : staged.steps) {
        std::vector<std::size_t> left_out;
        for (std::size_t number = step.begin; number < step.end; ++number)
            if (stopped[key_of(number)]) left_out.push_back(number);
        isolation_.leave_out(left_out);
        for (MergeIsolation::RefusedChange& refused : isolation_.apply(step)) {
            so_far.refuse(changes, staged.changes[refused.number].change,
                          {std::move(refused.reason)});
            stopped[key_of(refused.number)] = true;
        }
        const bool tells = statements_.target().mode == config::Mode::update && !step.removes;
        for (std::size_t number = step.begin; number < step.end; ++number) {
            if (stopped[key_of(number)] || fate_of(number) == Fate::older) continue;
            const bool unmatched = tells && !isolation_.matched().contains(number);
            fate_of(number) = unmatched ? Fate::unmatched : Fate::made;
        }
    }
    session_.run(statements_.drop_index());
}

std::vector<std::size_t> MergeLoader::before_refused(const OrderedChanges& changes,
                                                     const std::vector<std::size_t>& candidates,
                                                     const std::vector<Fate>& fates) {
    struct Key {
        bool refused = false;
        bool made = false;
        std::size_t last_made = 0;
    };
    std::vector<Key> keys(changes.keys());
    for (const std::size_t change : candidates) {
        Key& key = keys[changes.key_of(change)];
        key.refused |= fates[change] == Fate::refused;
        if (fates[change] != Fate::made && fates[change] != Fate::unmatched) continue;
        key.made = true;
        key.last_made = change;
    }
    std::vector<std::size_t> next;
    for (const std::size_t change : candidates) {
        const Key& key = keys[changes.key_of(change)];
        if (key.refused && fates[change] == Fate::open && (!key.made || change > key.last_made))
            next.push_back(change);
    }
    return next;
}

MakeLoader merge_loader(const MergeTarget& target, config::OnInvalid on_invalid) {
    return [=](Session& session) {
        return std::make_unique<MergeLoader>(session, target, on_invalid);
    };
}

}  // namespace sluice
