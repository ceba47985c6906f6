#pragma once

#include <string>
#include <string_view>

namespace sluice {

/// Makes bytes of a schema's records, each from a JSON object with the record's fields. One thread;
/// keeps its memory from one record to the next.
class RecordEncoder {
public:
    RecordEncoder() = default;
    RecordEncoder(const RecordEncoder&) = delete;
    RecordEncoder& operator=(const RecordEncoder&) = delete;
    virtual ~RecordEncoder() = default;

    /// Appends the record. False: it does not fit its schema, `to` is as it was, and error() says
    /// which field and why.
    [[nodiscard]] virtual bool encode(std::string_view json, std::string& to) = 0;
    [[nodiscard]] const std::string& error() const { return error_; }

protected:
    /// What is wrong with a value, as deep as it is found; returns false.
    bool fail(std::string what) {
        path_.clear();
        error_ = std::move(what);
        return false;
    }
    /// On the way back from there; returns false.
    bool fail_in(std::string_view part) {
        path_.insert(0, part).insert(0, 1, '/');
        return false;
    }
    /// At its end.
    void say_where() {
        if (!path_.empty()) error_.insert(0, "field \"" + path_ + "\": ");
    }

private:
    std::string path_;
    std::string error_;
};

}  // namespace sluice
