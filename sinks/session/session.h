#pragma once

#include "sinks/session/server_family.h"
#include "sinks/session/sqlstate.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice {

/// A statement that failed, or the connection under it. The transaction it was in, if any, did not
/// commit and never will.
class DatabaseError : public std::runtime_error {
public:
    struct Details {
        std::string sqlstate;      ///< empty: the connection broke
        std::string message;       ///< the server's primary message
        std::string context;       ///< CONTEXT, e.g. "COPY t, line 12, column ts"
        std::string column{};      ///< where the server names it
        std::string constraint{};  ///< the same
        std::string table{};       ///< the same: it is the table's own constraint that was broken
        std::size_t position = 0;  ///< character of the statement, from 1; 0: none is named
    };
    explicit DatabaseError(Details details);

    [[nodiscard]] Trouble trouble() const { return trouble_; }
    [[nodiscard]] const std::string& sqlstate() const { return details_.sqlstate; }
    [[nodiscard]] const Details& details() const { return details_; }

private:
    Details details_;
    Trouble trouble_;
};

/// The answer to COMMIT never came: whether it happened is for the caller to find out.
class OutcomeUnknown : public std::runtime_error {
    using runtime_error::runtime_error;
};

/// nullopt: NULL.
using Cell = std::optional<std::string>;
using Row = std::vector<Cell>;

struct Rows {
    std::vector<Row> rows;
    std::int64_t affected = 0;

    /// A cell that is not NULL.
    [[nodiscard]] const std::string& text(std::size_t row, std::size_t column) const {
        return rows[row][column].value();
    }
    [[nodiscard]] std::int64_t number(std::size_t row, std::size_t column) const;
};

/// One database connection, used by one thread. Connects on first use and again after it broke, but
/// not while a Transaction lives: what follows would be no part of it. No statement is ever
/// repeated on its own. Texts of errors never hold the password.
class Session {
public:
    /// What the DSN leaves open is filled in: connect_timeout, keepalives, tcp_user_timeout,
    /// application_name.
    Session(std::string dsn, std::string application_name);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// Who is told, on the session's thread, whenever the server has done a statement, or said of
    /// it what may be about the data: Sink::tell_steps_to(). Not of trouble of the world.
    void tell_steps_to(std::function<void()> on_step) { on_step_ = std::move(on_step); }

    /// Connects if there is no connection. Throws DatabaseError.
    void open();
    void close();
    [[nodiscard]] bool is_open() const { return link_ != nullptr; }
    /// As PostgreSQL counts: 90600, 150002. Of the open connection.
    [[nodiscard]] int server_version();
    /// Asks once for each connection, so not first in a transaction that has failed.
    [[nodiscard]] Family family();

    Rows exec(const std::string& sql);
    /// While it is wanted, which is asked some times a second: then the server is asked to cancel.
    Rows exec_while(const std::string& sql, const std::function<bool()>& wanted);
    Rows exec(const std::string& sql, const Row& parameters);
    /// Each parameter in its type's binary form.
    Rows exec_binary(const std::string& sql, const std::vector<std::string_view>& parameters);
    /// Prepared on its first use in each connection; `name` stands for one text only.
    Rows exec_prepared(const std::string& name, const std::string& sql, const Row& parameters);

    /// Values as parameters of one type, by its oid; a set is what one statement gets.
    struct Offer {
        std::int64_t type = 0;
        bool binary = false;  ///< in the type's binary form
        std::vector<std::vector<const std::string*>> sets{};
    };
    /// For each set what the type's input function said to refuse it, if it did. Many are on their
    /// way at once, each a transaction of its own: not inside a transaction.
    std::vector<std::optional<DatabaseError>> offer(const Offer& offer);

    // Several statements in one message, some of them COPY … FROM STDIN:
    // send, (await_copy, put…, end_copy)…, finish. Whatever throws has read the answer to its end.
    void send(const std::string& sql);
    /// Reads answers up to the next COPY.
    void await_copy();
    void put(std::string_view data);
    /// How many rows the COPY took.
    std::int64_t end_copy();
    /// Whether finish() would not wait for the server any more; waits that long to see.
    [[nodiscard]] bool answers_within(std::chrono::milliseconds time);
    /// Reads the rest of the answer; the command tag of the last statement.
    std::string finish();
    /// send() and finish() in one.
    std::string run(const std::string& sql);
    /// Begins COPY … TO STDOUT; nothing else until next_row() has said that it ended, or
    /// stop_copy_out().
    void start_copy_out(const std::string& sql);
    /// Valid until the next call; nullopt: that was the last one.
    std::optional<std::string_view> next_row();
    /// Ends it early: the server is asked to cancel. Closes the connection where that fails.
    void stop_copy_out() noexcept;
    /// From any thread, and for good: who waits for rows of COPY … TO STDOUT, now or later, has the
    /// server cancel it and gets DatabaseError, within moments.
    void interrupt() { interrupted_ = true; }
    [[nodiscard]] bool is_interrupted() const { return interrupted_; }
    /// Rows of COPY … TO STDOUT, one call each.
    void copy_out(const std::string& sql, const std::function<void(std::string_view)>& on_row);

private:
    friend class Transaction;
    struct Link;

    Link& link();
    void note_step() const {
        if (on_step_) on_step_();
    }
    void heed_interruption();
    [[noreturn]] void fail(DatabaseError::Details details);
    /// Whatever the server says next, nobody would know what it answers.
    [[noreturn]] void break_off(DatabaseError::Details details);
    [[nodiscard]] std::string prepare_offer(std::int64_t type, std::size_t parameters);
    std::optional<DatabaseError> offer_answer();
    /// The answer of the one statement that is under way, if it `sent` at all.
    Rows answer(bool sent);

    std::string dsn_;
    std::string application_name_;
    std::function<void()> on_step_;
    std::unique_ptr<Link> link_;
    bool in_transaction_ = false;
    std::atomic<bool> interrupted_ = false;
};

/// A transaction, READ COMMITTED, that rolls back unless committed.
class Transaction {
public:
    /// Begins it. `settings` travel in the same message: a SET that fails on a connection that
    /// lives must not leave the session inside a transaction that nobody ends.
    explicit Transaction(Session& session, const std::string& settings = {});
    ~Transaction() { roll_back(); }
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    /// Throws DatabaseError when it certainly did not commit, OutcomeUnknown when that is unknown.
    void commit();
    /// Never throws: a connection that cannot roll back is closed, which has the same effect.
    void roll_back() noexcept;

private:
    void end();

    Session& session_;
    bool open_ = true;
};

}  // namespace sluice
