//! Clauses about what is licensed, where, and what is paid for it.

use super::Topic;

/// Meaning, scope, fees, royalties, payment, deployment, reward, reserves.
pub(super) const TOPICS: &[Topic] = &[
    &[
        (
            "Meaning of {goods}",
            "In this treaty, “{goods}” means those {goods} that are entered in the {record} within {days} of their \
             making, whatever name {b} gives them in its own books.",
        ),
        (
            "Royalty period",
            "“Royalty period” means each {period} that begins while a deployment in {region} is in force. It ends no \
             later than {days} after that deployment is withdrawn.",
        ),
        (
            "Authorised entry",
            "“Authorised entry” means an entry in the {record} signed by {a}, received by {body} within {hours} and \
             not contested by {b}.",
        ),
        (
            "Material change",
            "“Material change” means any change that raises the cost of {activity} by more than {pct}, or that leads \
             to {risk} in {region}.",
        ),
        (
            "Words and numbers",
            "Amounts are stated in US dollars unless {article} says otherwise. Where the {record} and this treaty \
             differ by no more than {pct}, the {record} prevails; beyond that {body} decides within {days}.",
        ),
        (
            "Person in charge",
            "“Person in charge” means the desk that {a} names to {body} for {activity} in {region}. Until one is \
             named, notices to {a} are notices to that desk, and take effect after {days}.",
        ),
    ],
    &[
        (
            "Territory",
            "This treaty governs {activity} in {region}. {A} may extend it to a further region on {days}' notice, \
             provided that the {record} already covers that region.",
        ),
        (
            "Grant",
            "{A} grants {b} the right to carry out {activity} in {region} for {n} royalty periods. The right is \
             neither exclusive nor transferable, and covers no more than {count} {goods}.",
        ),
        (
            "Reserved rights",
            "All rights not granted in {article} stay with {a}. In particular, {b} shall not license {goods} to \
             others, nor carry out {activity} in {region}, without an entry in the {record}.",
        ),
        (
            "Precedence",
            "Where this treaty conflicts with {article} of the treaty it rests on, the older clause prevails for \
             {activity} already begun, and this clause for {activity} begun more than {days} after binding.",
        ),
        (
            "Volume",
            "{B} shall hold at no time more than {count} {goods} under this treaty. What exceeds that number counts \
             as not licensed after {days}, and is reported to {body}.",
        ),
        (
            "Sub-brands",
            "A subnode of a brand stands under this treaty as its core brand does. {A} lists subnodes that carry out \
             {activity} in {region} in the {record} once every {period}.",
        ),
    ],
    &[
        (
            "Monthly fee",
            "{B} shall pay {a} a fee of {usd} for each {period} in which {activity} takes place in {region}. A period \
             begun counts in full, unless {body} finds otherwise.",
        ),
        (
            "Fee tiers",
            "Fees rise from the local to the regional and from the regional to the global tier. {A} shall not set the \
             fee of a lower tier above that of a higher one, and corrects an entry that does within {days}.",
        ),
        (
            "Master fee",
            "Against a single payment of {usd}, {b} is freed from the fees of {article} for {n} royalty periods. The \
             payment is entered in the {record} and is returned only in the case of {risk}.",
        ),
        (
            "Review of fees",
            "{A} may adjust a fee once every {period}, by no more than {pct}. {B} hears of it {days} ahead, and may \
             end {activity} in {region} before the new fee applies.",
        ),
        (
            "Minimum",
            "Whatever the number of {goods}, the fees of any {period} amount to no less than {usd}. {A} credits half \
             of any excess to the following period.",
        ),
        (
            "Waiver",
            "{A} may waive a fee in full or in part while {risk} is under review. A waiver is entered in the \
             {record}, lapses after {days}, and creates no claim to another.",
        ),
    ],
    &[
        (
            "Royalty rate",
            "{B} owes {a} a royalty of {pct} of the net amount it receives for {goods} in {region}. The rate stands \
             until {body} enters another in the {record}.",
        ),
        (
            "Split",
            "Royalties are split as the scroll says: the first {pct} to {a}, the remainder between the core brand and \
             its subnodes by the number of {goods} each entered during the {period}.",
        ),
        (
            "Net amount",
            "In computing royalties, {b} may deduct taxes, refunds for returned {goods} and costs of {activity} up to \
             {pct}. Anything else is deducted only after {body} has agreed.",
        ),
        (
            "Royalty statement",
            "Within {days} after each {period}, {b} shall send {a} a statement with the number of {goods}, the \
             amounts received in {region} and the royalty due. The statement becomes part of the {record}.",
        ),
        (
            "Stacking",
            "Where several scrolls cover the same {goods}, the royalties together do not exceed {pct}. {A} and {b} \
             share what is due in proportion to the fees of {article}.",
        ),
    ],
    &[
        (
            "Time of payment",
            "Payment is due {days} after {b} has received the {record}. It is made when the amount stands to the \
             credit of {a}, not when the order is given.",
        ),
        (
            "Late payment",
            "On amounts more than {days} late {b} owes interest of {pct} a year. Once {usd} or more is late for a \
             whole {period}, {a} may hold {activity} in {region} until it is paid.",
        ),
        (
            "Set-off",
            "{B} may set off only claims that {body} has confirmed. A set-off above {usd} is entered in the {record} \
             at least {days} before it takes effect.",
        ),
        (
            "Currency",
            "Amounts in ECR are converted at the rate in force on the last day of the {period}. If the rate moved by \
             more than {pct} within {days}, {a} and {b} use the mean of both.",
        ),
        (
            "Disputed invoices",
            "{B} disputes an invoice for {activity} within {days}, giving reasons. It pays the part not in dispute on \
             time; {body} decides on the remainder within {days}.",
        ),
        (
            "Rounding",
            "Amounts are kept in whole cents. Differences from rounding above {usd} in one {period} point to an \
             error, and {a} corrects the {record} accordingly.",
        ),
    ],
    &[
        (
            "Deployment",
            "A scroll is deployed in {region} once {a} has entered the deployment and {b} has confirmed that \
             {activity} can begin. If it is not confirmed within {days}, the entry lapses.",
        ),
        (
            "Withdrawal",
            "{B} may withdraw a deployment with {days}' notice. {Goods} already in use may be used up, but for no \
             longer than {n} royalty periods and not in {region}.",
        ),
        (
            "Order of states",
            "A deployment passes from requested to active and, where needed, to paused or withdrawn. {A} skips no \
             state, and enters each change in the {record} within {hours}.",
        ),
        (
            "Readiness",
            "Before {activity} begins in {region}, {b} shows that it can avert {risk}, that its {record} is complete, \
             and that {count} {goods} can be traced to their origin.",
        ),
        (
            "Pause",
            "{A} may pause a deployment for at most {days} if it suspects {risk}. The fees of {article} rest during \
             the pause; the royalty of {pct} on {goods} already in use does not.",
        ),
    ],
    &[
        (
            "Reward pool",
            "{A} sets aside {pct} of the fees of every {period} as a reward pool. {Body} releases it to those whose \
             {goods} were entered on time and without correction.",
        ),
        (
            "Platinum tier",
            "Contracts of the platinum tier receive an additional reward of {usd} for each {period} without {risk}. \
             The tier is lost after {n} findings and can be regained after {days}.",
        ),
        (
            "Red tier",
            "A contract falls to the red tier if {b} fails to deliver the {record} for more than {days}. While in \
             that tier it earns no reward, and its fees rise by {pct}.",
        ),
        (
            "Recovery of rewards",
            "A reward paid on account of wrong entries in the {record} is returned within {days}. {B} may return it \
             in {n} equal parts if it exceeds {usd}.",
        ),
        (
            "Cap on rewards",
            "Rewards for {activity} in {region} do not exceed {usd} a {period}. {Body} carries what exceeds the cap \
             forward, for {n} periods at most.",
        ),
    ],
    &[
        (
            "Reserve",
            "{B} keeps a reserve of at least {usd} against {risk}. It shows the reserve in its {record} at the end of \
             each {period}, and tops it up within {days} after use.",
        ),
        (
            "Deposit",
            "On binding of this clause, {b} deposits {usd} with {body}. The deposit is returned {days} after the last \
             of the {goods} is accounted for.",
        ),
        (
            "Taxes",
            "Each side bears its own taxes. Where {b} must withhold tax on payments for {activity} in {region}, it \
             raises the payment so that {a} receives what it would have received, up to {pct} more.",
        ),
        (
            "Insurance",
            "{B} insures {goods} against {risk} for no less than {usd} for each case, and shows {a} the policy within \
             {days} of any change in it.",
        ),
        (
            "Cost sharing",
            "Costs of {activity} that serve several sectors are shared by the number of {goods}. No sector bears more \
             than {pct}, and costs above {usd} need the prior consent of {body}.",
        ),
    ],
];
