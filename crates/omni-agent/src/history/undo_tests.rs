use super::*;
use uuid::Uuid;

fn id(n: u128) -> ChangeId {
    ChangeId(Uuid::from_u128(n))
}

/// A change in effect; `targets` are what it takes back.
fn own(n: u128, targets: &[u128]) -> Own {
    let targets = targets.iter().map(|n| id(*n)).collect();
    Own { id: id(n), group: None, targets, in_effect: true, unsent: false, local_no: n as u64 }
}

fn unsent(n: u128) -> Own {
    Own { in_effect: false, unsent: true, ..own(n, &[]) }
}

fn stack(mut oldest_first: Vec<Own>) -> Stack {
    oldest_first.reverse();
    Stack::new(oldest_first)
}

fn next(oldest_first: Vec<Own>) -> (Option<Vec<ChangeId>>, Option<ChangeId>) {
    let stack = stack(oldest_first);
    (stack.undo_next(), stack.redo_next().map(|o| o.id))
}

#[test]
fn the_newest_that_stands_is_undone() {
    assert_eq!(next(vec![]), (None, None));
    assert_eq!(next(vec![own(1, &[]), own(2, &[])]), (Some(vec![id(2)]), None));
    assert_eq!(next(vec![own(1, &[]), own(2, &[]), own(3, &[2])]), (Some(vec![id(1)]), Some(id(3))));
    assert_eq!(next(vec![own(1, &[]), own(2, &[1])]), (None, Some(id(2))));
}

#[test]
fn redo_goes_forward_in_the_order_things_were_done() {
    // 1 and 2 were done, 2 and then 1 undone (3, 4).
    let undone = vec![own(1, &[]), own(2, &[]), own(3, &[2]), own(4, &[1])];
    assert_eq!(next(undone.clone()), (None, Some(id(4))));
    // 5 does 1 again: what is undone next is that, what is redone next is 2.
    let once = [undone, vec![own(5, &[4])]].concat();
    assert_eq!(next(once.clone()), (Some(vec![id(5)]), Some(id(3))));
    // 6 does 2 again, and lies above 1 though both were done again.
    let twice = [once, vec![own(6, &[3])]].concat();
    assert_eq!(next(twice.clone()), (Some(vec![id(6)]), None));
    // 7 undoes it once more.
    let again = [twice, vec![own(7, &[6])]].concat();
    assert_eq!(next(again), (Some(vec![id(5)]), Some(id(7))));
}

#[test]
fn something_new_ends_redo() {
    assert_eq!(next(vec![own(1, &[]), own(2, &[1]), own(3, &[])]), (Some(vec![id(3)]), None));
}

#[test]
fn what_was_not_sent_waits_in_its_place() {
    assert_eq!(next(vec![own(1, &[]), unsent(2), unsent(3)]), (Some(vec![id(1)]), Some(id(2))));
    assert_eq!(next(vec![own(1, &[]), own(2, &[]), unsent(3)]), (Some(vec![id(2)]), Some(id(3))));
    // 1 was in the copy and is undone by 4; 2 was not sent. 1 was undone last, so it comes first.
    assert_eq!(next(vec![own(1, &[]), unsent(2), own(4, &[1])]), (None, Some(id(4))));
    // An undo that left the queue takes nothing back.
    let left = Own { in_effect: false, unsent: true, ..own(2, &[1]) };
    assert_eq!(next(vec![own(1, &[]), left]), (Some(vec![id(1)]), None));
}

#[test]
fn a_group_is_one_act() {
    let of = |n: u128, g: u128, targets: &[u128]| Own { group: Some(GroupId(Uuid::from_u128(g))), ..own(n, targets) };
    let imported = vec![own(1, &[]), of(2, 9, &[]), of(3, 9, &[])];
    assert_eq!(next(imported.clone()).0, Some(vec![id(3), id(2)]));
    let undone = [imported, vec![of(4, 8, &[3]), of(5, 8, &[2])]].concat();
    let stack = stack(undone);
    assert_eq!(stack.undo_next(), Some(vec![id(1)]));
    let redo = stack.redo_next().map(|o| stack.unit(o));
    assert_eq!(redo, Some(vec![id(5), id(4)]));
}

#[test]
fn what_central_refused_takes_nothing_back() {
    let refused = Own { in_effect: false, ..own(2, &[1]) };
    assert_eq!(next(vec![own(1, &[]), refused]), (Some(vec![id(1)]), None));
}
