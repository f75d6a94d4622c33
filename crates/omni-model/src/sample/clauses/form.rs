//! Clauses about how the treaty itself is held, changed and ended.

use super::Topic;

/// Suspension, ending, assignment, notices, amendment, approval.
pub(super) const TOPICS: &[Topic] = &[
    &[
        (
            "Suspension",
            "{A} may suspend {activity} in {region} if {b} is {days} late with more than {usd}, or if {risk} has not \
             been remedied. It gives {hours}' notice and lifts the suspension once the cause is gone.",
        ),
        (
            "Effect of suspension",
            "During a suspension no new {goods} are entered; those under way are completed. {B} owes {pct} of the fee \
             of {article}, and {body} examines every {period} whether it is still needed.",
        ),
        (
            "Wrongful suspension",
            "If {body} finds that a suspension had no ground, {a} returns the fees of that time and pays {usd} for \
             each {period} begun.",
        ),
        (
            "Partial suspension",
            "Where {risk} concerns only some of the {goods}, only these are suspended. {A} lists them in the {record} \
             within {hours}; everything else continues.",
        ),
    ],
    &[
        (
            "Notice to end",
            "Either side may end this treaty for {region} with {days}' notice to the end of a {period}. A treaty \
             marked as immutable is ended only by a treaty that supersedes it.",
        ),
        (
            "Ending for cause",
            "{A} may end {activity} at once if {b} has made false entries in the {record}, is more than {days} late \
             with {usd}, or has concealed {risk}.",
        ),
        (
            "After the end",
            "Within {days} after the end, {b} accounts for all {goods}, pays what is due and hands over the {record}. \
             {Article} and the clauses on confidence continue for {n} years.",
        ),
        (
            "Wind-down",
            "For {n} royalty periods after the end, {b} may sell or use up no more than {count} {goods}, against \
             {pct} of the former fee. {Body} is told of the last of them.",
        ),
        (
            "Revival",
            "A treaty that ended for lack of payment revives if {b} pays within {days}. Entries made meanwhile in the \
             {record} remain as they are; {a} need not admit {activity} begun in that time.",
        ),
    ],
    &[
        (
            "Assignment",
            "{B} may assign claims from {activity} above {usd} only with the consent of {a}. Consent is not refused \
             without reason, and counts as given after {days}.",
        ),
        (
            "Succession",
            "If the business of {b} passes to another, that other enters into this treaty with all {goods}. {A} may \
             end the deployment in {region} within {days} of learning of it.",
        ),
        (
            "Subcontractors",
            "{B} may have {activity} done by others. It names them in the {record} {days} ahead, binds them to \
             {article}, and answers for them as for itself.",
        ),
        (
            "Move between sectors",
            "If a brand moves to another sector, its scrolls, deployments and {goods} move along. Fees of the current \
             {period} stay with the former sector, those of the next go to the new one.",
        ),
    ],
    &[
        (
            "Notices",
            "Notices about {goods} are given through the {record}. They count as received after {hours}, or once {b} \
             has opened them, whichever is earlier.",
        ),
        (
            "Change of address",
            "{B} tells {a} of a new address for notices {days} ahead. Until then notices to the former address in \
             {region} are valid.",
        ),
        (
            "Urgent notices",
            "Notices about {risk} are also given by telephone to the desk in charge. The time of the call is entered \
             in the {record} within {hours}, and {body} receives a copy.",
        ),
        (
            "Language",
            "Notices on {activity} are given in English. {B} may add a translation for {region}; in case of doubt the \
             English text prevails, unless {body} decides otherwise within {days}.",
        ),
    ],
    &[
        (
            "Amendment",
            "This treaty is amended only by a clause that names what it changes. {A} proposes it, {b} has {days} to \
             reply, and it takes effect once it is bound.",
        ),
        (
            "Extension",
            "While this treaty is extending, new clauses on {activity} may be added without touching those already \
             bound. Each is examined by {body} within {days}.",
        ),
        (
            "Partial invalidity",
            "If a clause does not hold in {region}, the others do. {A} and {b} replace it within {days} by one that \
             comes closest to what {article} was meant to achieve.",
        ),
        (
            "Order of clauses",
            "Clauses apply in the order of their numbers. If {article} and a later clause contradict each other on \
             {goods}, the later one prevails from the next {period} on.",
        ),
        (
            "Review",
            "{Body} reviews the clauses on {activity} every {n} royalty periods. It reports within {days} which of \
             them were used, which were contested, and which may go.",
        ),
    ],
    &[
        (
            "Approval",
            "Contracts under this treaty above {usd} need the approval of {body}. It decides within {days}; until \
             then they stand as pending and no {goods} are delivered.",
        ),
        (
            "Refusal",
            "A refusal names its reason. {B} may submit the contract again after {days}, with an explanation of how \
             {risk} is averted and which clauses it has changed.",
        ),
        (
            "Execution",
            "An approved contract is executed once {a} and {b} have signed it and the first fee of {usd} is paid. It \
             is then entered in the {record} within {hours}.",
        ),
        (
            "Delegation",
            "{Body} may leave the approval of contracts up to {usd} for {activity} in {region} to {a}. It examines \
             {count} of them every {period}, chosen at random.",
        ),
        (
            "Binding",
            "A clause is bound when {body} has confirmed it over a live connection. What is bound cannot be unbound; \
             {a} may only propose, with {days}' notice, a clause that supersedes it.",
        ),
    ],
];
