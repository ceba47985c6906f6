#include "pipeline/decode/avro/avro_reader.h"

#include "pipeline/batch.h"
#include "pipeline/values/excerpt.h"

#include <algorithm>
#include <cstring>

namespace sluice {

namespace {

using Step = AvroStep::Kind;

}  // namespace

bool AvroReader::read(const AvroPlan& plan, std::string_view bytes, std::span<Value> slots,
                      std::vector<Reason>* extra) {
    plan_ = &plan;
    begin_ = bytes.data();
    bytes_ = AvroBytes(bytes);
    slots_ = slots;
    extra_ = extra;
    if (json_.capacity() > json_limit::worth_keeping) {
        json_ = std::string();
        scratch_ = Scratch();
    }
    scratch_.clear();
    walk_.begin(bytes.size());
    if (!run(0)) return false;
    if (bytes_.left() > 0) {
        failed_path_.clear();
        return bytes_.fail("something follows the record's end");
    }
    for (const auto& [from, to] : plan.copies) slots[to] = slots[from];
    return true;
}

AvroReader::Error AvroReader::error() const {
    const auto position = static_cast<std::size_t>(bytes_.at() - begin_);
    if (failed_path_.empty()) return {bytes_.complaint(), position};
    const bool is_nested = failed_path_.find('/', 1) != std::string::npos;
    const std::string_view name = std::string_view(failed_path_).substr(is_nested ? 0 : 1);
    return {"field " + excerpt(name) + ": " + bytes_.complaint(), position};
}

bool AvroReader::fail(std::uint32_t step, std::string_view deeper) {
    failed_path_ = plan_->paths[step];
    failed_path_ += deeper;
    return false;
}

bool AvroReader::run(std::uint32_t number) {
    const AvroPlan& plan = *plan_;
    const AvroStep* const steps = plan.steps.data();
    // A copy that the compiler can keep in registers; bytes_ is what others see.
    AvroBytes bytes = bytes_;
    std::string_view skipped;
    for (;; ++number) {
        const AvroStep& step = steps[number];
        bool fine = true;
        switch (step.kind) {
            case Step::read:
                fine = read_scalar(bytes, plan.scalars[step.what], slots_[step.slot], scratch_);
                break;
            case Step::skip_number:
                fine = bytes.skip_number();
                break;
            case Step::skip_sized:
                fine = bytes.read_sized(skipped);
                break;
            case Step::skip_fixed:
                fine = bytes.read(step.size, skipped);
                break;
            case Step::optional: {
                std::size_t branch = 0;
                fine = bytes.read_choice(2, branch, "a branch that its union lacks");
                if (!fine || branch != step.size) break;
                if (step.slot != AvroStep::nowhere) slots_[step.slot] = {Value::Kind::null, {}};
                number = step.what - 1;
                break;
            }
            case Step::choose: {
                const auto& branches = plan.choices[step.what];
                std::size_t branch = 0;
                fine = bytes.read_choice(branches.size(), branch, "a branch that its union lacks");
                if (fine) number = branches[branch] - 1;
                break;
            }
            case Step::go:
                number = step.what - 1;
                break;
            case Step::tell_extra:
                if (extra_ == nullptr) break;
                for (const Reason& reason : plan.extras[step.what]) {
                    if (extra_->size() < most_extra_reasons) extra_->push_back(reason);
                }
                break;
            case Step::end:
                bytes_ = bytes;
                return true;
            default:
                bytes_ = bytes;
                if (!run_slowly(number)) return false;
                bytes = bytes_;
                if (is_search(step)) number = plan.searches[step.what].behind - 1;
        }
        if (fine) continue;
        bytes_ = bytes;
        return fail(number);
    }
}

bool AvroReader::is_search(const AvroStep& step) {
    return step.kind == Step::find_in_map || step.kind == Step::find_in_array;
}

bool AvroReader::run_slowly(std::uint32_t number) {
    const AvroStep& step = plan_->steps[number];
    switch (step.kind) {
        case Step::skip:
            return skip(step.what, number);
        case Step::find_in_map:
            return find_in_map(plan_->searches[step.what], number);
        case Step::find_in_array:
            return find_in_array(plan_->searches[step.what], number);
        default:
            return render(number);
    }
}

bool AvroReader::render(std::uint32_t number) {
    const AvroStep& step = plan_->steps[number];
    const AvroBytes before = bytes_;
    json_.clear();
    if (!walk_.render(bytes_, *plan_->schema, plan_->scalars, step.what, json_))
        return fail(number, walk_.path());
    char* const begin = scratch_.reserve(json_.size() + RecordLog::padding);
    std::memcpy(begin, json_.data(), json_.size());
    const bool is_array = plan_->schema->of(step.what).kind == schemas::AvroType::Kind::array;
    slots_[step.slot] = {is_array ? Value::Kind::json_array : Value::Kind::json_object,
                         {begin, json_.size()}};
    if (step.kind == Step::render_ahead) bytes_ = before;
    return true;
}

bool AvroReader::find_in_map(const AvroPlan::Search& search, std::uint32_t number) {
    for (;;) {
        AvroBytes::Block block;
        if (!bytes_.read_block(block)) return fail(number);
        if (block.count == 0) return true;
        for (std::uint64_t i = 0; i < block.count; ++i) {
            std::string_view key;
            if (!bytes_.read_sized(key)) return fail(number);
            const auto wanted =
                std::find_if(search.wanted.begin(), search.wanted.end(),
                             [key](const AvroPlan::Wanted& w) { return w.key == key; });
            if (wanted == search.wanted.end()) {
                if (extra_ != nullptr && extra_->size() < most_extra_reasons)
                    extra_->push_back(
                        {"", "field " + excerpt(key) + " is not taken by any column"});
                if (!skip(search.of_type, number)) return false;
                continue;
            }
            // A key that comes twice: the last wins, and with it everything that the first one
            // held.
            for (const std::uint32_t slot : wanted->slots) slots_[slot] = {};
            if (!run(wanted->first_step)) return false;
        }
    }
}

bool AvroReader::find_in_array(const AvroPlan::Search& search, std::uint32_t number) {
    const bool takes_nothing = plan_->schema->of(search.of_type).is_empty;
    for (std::uint64_t element = 0;;) {
        AvroBytes::Block block;
        if (!bytes_.read_block(block)) return fail(number);
        if (block.count == 0) return true;
        for (std::uint64_t i = 0; i < block.count; ++i, ++element) {
            if (takes_nothing && !walk_.count_empty(bytes_)) return fail(number);
            const auto wanted =
                std::find_if(search.wanted.begin(), search.wanted.end(),
                             [element](const AvroPlan::Wanted& w) { return w.element == element; });
            const bool fine = wanted == search.wanted.end() ? skip(search.of_type, number)
                                                            : run(wanted->first_step);
            if (!fine) return false;
        }
    }
}

bool AvroReader::skip(std::uint32_t type, std::uint32_t number) {
    return walk_.skip(bytes_, *plan_->schema, plan_->scalars, type) || fail(number, walk_.path());
}

}  // namespace sluice
