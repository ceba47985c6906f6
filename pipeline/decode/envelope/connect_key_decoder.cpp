#include "pipeline/decode/envelope/connect_key_decoder.h"

#include <algorithm>
#include <utility>

namespace sluice {

ConnectKeyDecoder::ConnectKeyDecoder(std::vector<WantedField> wanted, const Make& make)
    : wanted_(std::move(wanted)), types_(wanted_) {
    std::vector<WantedField> all = wanted_;
    for (WantedField field : wanted_) {
        field.source.path.insert(field.source.path.begin(), "payload");
        all.push_back(std::move(field));
    }
    for (const char* name : {"schema", "payload"}) all.emplace_back().source.path = {name};
    for (std::size_t i = 0; i < all.size(); ++i) all[i].slot = i;
    values_.resize(all.size());
    inner_ = make(std::move(all));
}

bool ConnectKeyDecoder::decode(const Payload& payload, std::span<Value> slots,
                               std::vector<Reason>* extra) {
    using Kind = Value::Kind;
    scratch_.clear();
    std::ranges::fill(values_, Value{});
    if (!inner_->decode(payload, values_, extra)) return false;
    const Value& schema = values_[values_.size() - 2];
    const bool is_wrapped =
        schema.kind == Kind::json_object && values_.back().kind == Kind::json_object;
    const auto* const types = is_wrapped ? types_.of(schema) : nullptr;
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
        Value value = values_[is_wrapped ? wanted_.size() + i : i];
        if (value.kind == Kind::missing) continue;
        if (types != nullptr && (*types)[i]) typed_.apply(*(*types)[i], value, scratch_);
        slots[wanted_[i].slot] = value;
    }
    return true;
}

}  // namespace sluice
