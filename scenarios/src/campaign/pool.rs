//! A few threads that work through what there is to do.

use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

/// Does all tasks, `jobs` at a time, and hands each result over on the calling thread as it comes, with
/// the task's number in the order of `tasks`.
///
/// A task is taken only when a thread is free for it: an endless list is fine, and so is one that ends
/// because of what came out of its first tasks.
pub fn for_each<T, R: Send>(
    jobs: usize,
    tasks: impl Iterator<Item = T> + Send,
    work: impl Fn(T) -> R + Sync,
    mut done: impl FnMut(usize, R),
) {
    let tasks = Mutex::new(tasks.enumerate());
    // Workers wait when nobody takes what they made: results may be large.
    let (results, finished) = mpsc::sync_channel(jobs.max(1));
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            let (results, tasks, work) = (results.clone(), &tasks, &work);
            scope.spawn(move || {
                loop {
                    let next = tasks.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((number, task)) = next else { return };
                    if results.send((number, work(task))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(results);
        for (number, result) in finished {
            done(number, result);
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::for_each;

    #[test]
    fn every_task_is_done_once() {
        for jobs in [1, 3, 50] {
            let mut results = vec![0; 40];
            for_each(jobs, 0..40, |task| task * 2, |task, result| results[task] += result);
            assert!(results.iter().enumerate().all(|(task, result)| *result == task * 2));
        }
    }

    #[test]
    fn no_task_is_no_trouble() {
        for_each(4, std::iter::empty::<u8>(), |_| (), |_, ()| panic!("there is no task"));
    }

    #[test]
    fn an_endless_list_ends_when_a_result_says_so_and_nothing_taken_is_lost() {
        let enough = AtomicBool::new(false);
        let tasks = (0_usize..).take_while(|_| !enough.load(Ordering::Relaxed));
        let mut numbers = Vec::new();
        let work = |task| {
            enough.fetch_or(task >= 10, Ordering::Relaxed);
            task
        };
        for_each(3, tasks, work, |number, task| {
            assert_eq!(number, task);
            numbers.push(number);
        });
        numbers.sort_unstable();
        assert!(numbers.len() > 10);
        assert_eq!(numbers, (0..numbers.len()).collect::<Vec<_>>());
    }
}
